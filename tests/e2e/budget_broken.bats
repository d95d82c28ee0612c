#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The book cannot be written, or read: no space, read-only, corrupt, of a newer version. Only what keeps an answer from being written down stops requests; and
# nothing is lost once it is mended.

# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output and status
bats_require_minimum_version 1.5.0

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/budget.bash"
	budget_setup CertificatesPerDomain 2 604800
	host_run letsencrypt:set --global reserve 0 >/dev/null
	global=$HOST_DATA_FOLDER/--global
	book=$global/letsencrypt.db
}

teardown() {
	if [[ -e $HOST/tmp/mounted ]]; then umount -l "$global"; fi
	host_destroy
}

use_one() {
	apps_under broken.test 3 app
	run -0 host_run letsencrypt:enable app1
}

# Two units are two certificates, whatever happened meanwhile.
only_one_more() {
	next_second
	run -75 host_run letsencrypt:enable app2 app3
	[[ $(count_issued '^app') == 2 ]]
	none_denied
}

# A small disk of its own for what the plugin keeps.
mount_small() {
	((HOST_ROOT)) || skip "needs root for a small disk"
	mkdir "$HOST/tmp/small"
	mount -t tmpfs -o size=4m small "$HOST/tmp/small" 2>/dev/null || skip "nothing can be mounted here"
	cp -a "$global/." "$HOST/tmp/small/"
	chown --reference="$global" "$HOST/tmp/small"
	chmod --reference="$global" "$HOST/tmp/small"
	mount --move "$HOST/tmp/small" "$global" 2>/dev/null || { mount --bind "$HOST/tmp/small" "$global" && umount "$HOST/tmp/small"; }
	touch "$HOST/tmp/mounted"
}

fill_disk() { dd if=/dev/zero of="$global/filler" bs=4k status=none 2>/dev/null || true; }

@test "the disk is full: nothing is asked; full in the middle of an order: what was bought is kept, and not bought again" {
	local before
	mount_small
	use_one
	fill_disk
	before=$(asked)
	run -1 host_run letsencrypt:enable app2
	shows "the disk is full"
	[[ $(asked) == "$before" ]]
	rm "$global/filler"
	# full while the CA thinks about the certificate
	next_second
	host_relay faults '[{"match":{"kind":"finalize"},"count":1,"action":"delay","delay_ms":1000}]' >/dev/null
	host_run letsencrypt:enable app2 >"$HOST/log/run" 2>&1 3>&- </dev/null &
	host_until 20 is_finalizing
	fill_disk
	run ! wait $!
	rm "$global/filler"
	run -0 host_run letsencrypt:enable app2
	[[ $(count_issued '^app2') == 1 ]]
	only_one_more
	book_against_ca 120
}

is_finalizing() { [[ $(host_relay faults | jq '.[0].matched') -gt 0 ]]; }

@test "read-only: nothing is asked; afterwards all is known" {
	local before
	use_one
	before=$(asked)
	chmod a-w "$book" "$global"
	run -1 host_run letsencrypt:enable app2
	shows "$book"
	run -1 host_run letsencrypt:auto-renew
	[[ $(asked) == "$before" ]]
	chmod u+w "$book" "$global"
	only_one_more
	book_against_ca 45
}

@test "a corrupt page: set aside and made anew from the certificates; what cannot be proven counts as spent" {
	use_one
	sqlite3 "$book" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	# every page but the first
	dd if=/dev/urandom of="$book" bs=4096 seek=1 count=$(($(stat -c %s "$book") / 4096 - 1)) conv=notrunc status=none
	host_clock $(($(now) + 12 * 3600))
	run_at "$(now)"
	[[ -n $(find "$global" -name 'letsencrypt.db.corrupt-*') ]]
	enable_waits app2 "an earlier book was lost"
	run_at "$(now)"
	asked_is 1
	# a week later all units are back
	host_clock $(($(now) + WEEK))
	run -0 host_run letsencrypt:enable app2 app3
	[[ $(host_relay_stat .new_accounts) == 1 ]]
	none_denied
}

@test "made by a newer version: refused with its own words, nothing is asked or changed" {
	local before version
	use_one
	before=$(asked)
	version=$(sqlite3 "$book" 'PRAGMA user_version')
	sqlite3 "$book" 'PRAGMA user_version = 99'
	run -1 host_run letsencrypt:enable app2
	shows "newer"
	run -1 host_run letsencrypt:auto-renew
	[[ $(asked) == "$before" && $(sqlite3 "$book" 'PRAGMA user_version') == 99 ]]
	[[ -z $(find "$global" -name 'letsencrypt.db.corrupt-*') ]]
	sqlite3 "$book" "PRAGMA user_version = $version"
	only_one_more
	book_against_ca 45
}
