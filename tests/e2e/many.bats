#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Fifty apps at once: how often the CA is connected to and nginx reloaded, what visitors notice, and what one broken app does to the others. All tests share a host.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # bats sets output and status; HOST_WRAPPER is of host_run
bats_require_minimum_version 1.5.0

APPS=${MANY_APPS:-50}

setup_file() {
	export CA_PROFILES='{"long": {"description": "ninety days", "validityPeriod": 7776000}, "longer": {"description": "hundred days", "validityPeriod": 8640000},
		"longest": {"description": "hundred and ten days", "validityPeriod": 9504000}, "last": {"description": "hundred and twenty days", "validityPeriod": 10368000},
		"short": {"description": "nine days", "validityPeriod": 777600}}'
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	core_setup
	export HOST
	story_apps "$APPS" app
	app_names >"$HOST/tmp/names"
	cc -std=c17 -D_GNU_SOURCE -O1 -o "$HOST/tmp/client" "$BATS_TEST_DIRNAME/client.c" -lssl -lcrypto
	host_run letsencrypt:set --global profile short >/dev/null
}

teardown_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	host_destroy
}

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	host_use "$HOST"
	pebble_find
	[[ $PEBBLE_PROFILES == yes ]] || skip "this Pebble has one lifetime for all certificates"
}

# A test that fails leaves its visitors behind.
teardown() {
	local client
	for client in "$HOST"/run/client-*; do
		if [[ -e $client ]]; then kill "$(<"$client")" 2>/dev/null || true; fi
		rm -f "$client"
	done
}

app_names() {
	local number
	for ((number = 1; number <= APPS; number++)); do echo "app$number.platform.test"; done
}

# Runs a command and counts: sets `connections` to the CA, `ours` and `theirs` (reloads), `orders`, `bought`.
counted() { # WORD...
	local HOST_WRAPPER=(strace -qq -o "$HOST/log/connects" -e trace=connect)
	ours=$(host_reloads plugin) theirs=$(host_reloads core) orders=$(ca_orders) bought=$(ca_issued)
	run host_run "$@"
	ours=$(($(host_reloads plugin) - ours)) theirs=$(($(host_reloads core) - theirs)) orders=$(($(ca_orders) - orders)) bought=$(($(ca_issued) - bought))
	connections=$(grep -c "sin_port=htons($HOST_CA_PORT).*127\.0\.0\.1" "$HOST/log/connects") || true
	printf '%s\n' "$output" >"$HOST/log/counted"
	echo "$*: $bought bought, $orders orders, $connections connections, $ours reloads of ours, $theirs of the platform"
}

# make_due PROFILE GRACE: what they hold now lives shorter than that, a certificate of this profile longer.
make_due() {
	host_run letsencrypt:enable --all >/dev/null
	host_run letsencrypt:set --global profile "$1" >/dev/null
	host_run letsencrypt:set --global graceperiod "$2" >/dev/null
}

all_served() {
	local number
	for ((number = 1; number <= APPS; number++)); do
		host_until 5 is_served "app$number" "app$number.platform.test" || { echo "app$number is not served"; return 1; }
	done
}

# leaf FILE: as the client writes it
leaf_hex() {
	leaf_in "$1" | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f'
}

@test "enable --all: fifty certificates over one connection; one reload for the snippets, one rebuild an app" {
	counted letsencrypt:enable --all
	[[ $status -eq 0 ]]
	((bought == APPS && orders == APPS))
	((connections == 1))
	((ours <= 1 && theirs == APPS))
	all_served
}

start_client() { # new|keep
	"$HOST/tmp/client" "$1" "$HOST_HTTPS_PORT" "$HOST/tmp/names" >"$HOST/log/client-$1" 3>&- &
	echo $! >"$HOST/run/client-$1"
}

# What a client saw of each name: the old or the new leaf, and 2 s after the reload only the new one.
check_sightings() { # new|keep RELOADED_MS
	local number old new name leaf first last seen=0
	if grep failed "$HOST/log/client-$1"; then return 1; fi
	for ((number = 1; number <= APPS; number++)); do
		old=${old_leaves[number]}
		new=$(leaf_hex "$(tls_folder "app$number")/server.crt")
		[[ $old && $new && $old != "$new" ]]
		while read -r name leaf first last; do
			((++seen))
			[[ $leaf == "$old" || $leaf == "$new" ]] || { echo "$name: a leaf of neither: $leaf at $first"; return 1; }
			if [[ $leaf == "$old" ]] && ((last > $2 + 2000)); then echo "$name: the old leaf $((last - $2)) ms after the reload"; return 1; fi
		done < <(grep "^app$number\.platform\.test " "$HOST/log/client-$1")
	done
	((seen == 2 * APPS))
	tail -n 1 "$HOST/log/client-$1"
}

# Renews all fifty while two clients look on. Sets `status` and what `counted` sets; checks what the visitors saw.
renew_fifty() { # PROFILE GRACE
	local number old_leaves=() pids reloaded
	make_due "$1" "$2"
	for ((number = 1; number <= APPS; number++)); do old_leaves[number]=$(leaf_hex "$(tls_folder "app$number")/server.crt"); done
	start_client new
	start_client keep
	counted letsencrypt:auto-renew
	[[ $status -eq 0 ]]
	((bought == APPS && orders == APPS && connections == 1 && ours >= 1 && theirs == 0))
	sleep 3 # nobody may see an old one any more from two seconds after the reload on
	pids=("$(<"$HOST/run/client-new")" "$(<"$HOST/run/client-keep")")
	kill "${pids[@]}"
	wait "${pids[@]}"
	rm "$HOST"/run/client-*
	reloaded=$(awk '$2 == "plugin" && $3 == "reload" { split($1, at, /[.,]/); ms = at[1] substr(at[2], 1, 3) } END { print ms }' "$HOST/log/proxy")
	check_sightings new "$reloaded"
	check_sightings keep "$reloaded"
}

# A certificate that comes a second after all others is served by a reload of its own: a machine that stalled for so long gets another try.
@test "auto-renew of fifty: one connection, one reload, and no visitor notices" {
	renew_fifty long 20d
	((ours == 1)) || renew_fifty longer 95d
	((ours == 1)) || renew_fifty longest 105d
	((ours == 1))
}

@test "an app with a broken snippet of its own: nothing is rolled back, it is told, and the next run after mending serves all" {
	local snippet=$HOST_ROOT_FOLDER/app7/nginx.conf.d/own.conf
	make_due last 115d
	echo 'no_such_directive on;' >"$snippet"
	counted letsencrypt:auto-renew
	[[ $status -eq 1 ]]
	[[ $output == *"$snippet"* ]]
	((bought == APPS && ours == 0)) || { echo "$output" | tail -n 30; false; }
	[[ $(store_value "SELECT count(*) FROM apps WHERE unserved_at > 0") -eq $APPS ]]
	run host_run letsencrypt:report app3
	[[ $output =~ "unserved: "+.*no_such_directive ]]
	rm "$snippet"
	counted letsencrypt:auto-renew
	[[ $status -eq 0 ]]
	((bought == 0 && orders == 0 && ours == 1))
	all_served
	[[ $(openssl x509 -in "$(tls_folder app7)/server.crt" -noout -checkend $((60 * 86400))) == *"will not expire"* ]]
}
