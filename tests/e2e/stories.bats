#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Rows of stories.tsv: what happens to an app itself.

bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/stories.bash"
	stories_setup
}

teardown() {
	host_destroy
}

@test "lives of single apps" { tell_all one; }
