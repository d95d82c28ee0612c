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

# Nothing is done yet when the next step is taken.
@test "lives in a hurry, with a CA that takes its time" {
	export PEBBLE_VA_NOSLEEP=0 PEBBLE_VA_SLEEPTIME=4
	stories_setup
	host_quietly letsencrypt:set --global deploy-wait 0
	tell_all slow
}

@test "lives on a host without a domain of its own" {
	export HOST_GLOBAL_DOMAIN=
	stories_setup
	tell_all bare
}

@test "lives that concern the whole host" {
	stories_setup
	tell_all all
}
