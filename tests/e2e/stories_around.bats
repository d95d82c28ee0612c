#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Rows of stories.tsv: what happens around an app, to its proxy, by other plugins, to the whole host.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/stories.bash"
}

teardown() {
	host_destroy
}

@test "apps with other proxies, ports, plugins and templates" {
	stories_setup
	tell_all around
}

# Pebble would go to port 80 itself: here it believes everything, and only we look where it is led.
@test "apps to which other names lead" {
	export PEBBLE_VA_ALWAYS_VALID=1
	stories_setup
	tell_all led
}

@test "lives that concern the whole host" {
	stories_setup
	tell_all all
}
