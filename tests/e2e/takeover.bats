#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# A host that ran the bash plugin: what `install` takes over, what it leaves alone, and that the bash plugin could take over again. No CA is there until one is said.

# shellcheck disable=SC2034,SC2154 # bats sets output and status; host_run takes HOST_WRAPPER
bats_require_minimum_version 1.5.0

setup_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/legacy.bash"
	export HOST
	host_create && host_install_plugin && legacy_make_issuer
}

teardown_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/legacy.bash"
	host_destroy
}

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/legacy.bash"
	host_use "$HOST"
	accounts=$HOST_DATA_FOLDER/--global/accounts
	server_folder=acme-v02.api.letsencrypt.org
}

# ---- the host ----

# Every state in which the bash plugin can leave an app.
lay_out() {
	local id certs
	legacy_property --global email "$LEGACY_EMAIL"
	legacy_account "$accounts" "$server_folder" "$LEGACY_EMAIL" ec 1
	: >"$accounts/.lock"

	legacy_app plain plain.example.test www.plain.example.test && legacy_active plain ec 80 plain.example.test www.plain.example.test

	# An account of its own, from the time before there were shared ones; and an RSA one.
	legacy_app hashed hashed.example.test && legacy_property hashed email b@example.test
	legacy_issue ec 70 hashed.example.test && legacy_place hashed "$LEGACY_SERVER" b@example.test && legacy_install hashed
	legacy_account "$(legacy_folder hashed)/current/accounts" "$server_folder" b@example.test ec 2
	legacy_app strong strong.example.test && legacy_property strong email c@example.test && legacy_property strong lego-args "--key-type rsa2048"
	legacy_issue rsa 60 strong.example.test && legacy_place strong "$LEGACY_SERVER" c@example.test "--key-type rsa2048" && legacy_install strong
	legacy_account "$(legacy_folder strong)/current/accounts" "$server_folder" c@example.test rsa 3

	# From before there was lego.
	legacy_app ancient ancient.example.test && legacy_issue ec 50 ancient.example.test && legacy_install ancient
	rm "$HOST_ROOT_FOLDER/ancient/tls/server.letsencrypt.crt"
	certs=$(legacy_folder ancient)
	mkdir -p "$certs/0123456789" && cp "$HOST/tmp/leaf.crt" "$certs/0123456789/fullchain.pem" && ln -s "$certs/0123456789" "$certs/current"

	# Renamed: the domains went along, or did not; cloned: with letsencrypt/ as an old release left it, and without.
	legacy_app renamed renamed.example.test && legacy_issue ec 45 renamed.example.test && legacy_install renamed
	legacy_app foreign foreign.example.test && legacy_issue ec 44 before.example.test && legacy_install foreign
	legacy_app clone clone.example.test && cp -a "$HOST_ROOT_FOLDER/plain/tls" "$HOST_ROOT_FOLDER/clone/"
	legacy_app copy copy.example.test && cp -a "$HOST_ROOT_FOLDER/plain/"{tls,letsencrypt} "$HOST_ROOT_FOLDER/copy/"

	# certs:add over what the plugin had installed, which leaves its copy; and where it had only tried.
	legacy_app byhand byhand.example.test && legacy_active byhand ec 40 byhand.example.test
	legacy_issue ec 200 byhand.example.test && cp "$HOST/tmp/leaf.crt" "$HOST_ROOT_FOLDER/byhand/tls/server.crt" &&
		cp "$HOST/tmp/leaf.key" "$HOST_ROOT_FOLDER/byhand/tls/server.key"
	legacy_app bought bought.example.test && legacy_issue ec 200 bought.example.test && legacy_install bought
	rm "$HOST_ROOT_FOLDER/bought/tls/server.letsencrypt.crt"

	legacy_app wild '*.wild.example.test' && legacy_property wild dns-provider acme-dns && legacy_property wild dns-provider-ACME_DNS_API_BASE https://dns.test
	legacy_active wild ec 35 '*.wild.example.test'
	echo ACME_DNS_API_BASE=https://dns.test >"$(legacy_folder wild)/current/docker.env"

	legacy_app disabled disabled.example.test
	legacy_app bare
	legacy_app failed failed.example.test
	mkdir -p "$(legacy_folder failed)/aa" && echo "--http" >"$(legacy_folder failed)/aa/config"

	# Killed while it asked; killed while it installed, when the key was still in server.crt.
	legacy_app killed killed.example.test && legacy_active killed ec 34 killed.example.test
	mkdir -p "$HOST_ROOT_FOLDER/killed/nginx.conf.d"
	echo "location ^~ /.well-known/acme-challenge { alias $HOST_DATA_FOLDER/killed/.well-known/acme-challenge; }" \
		>"$HOST_ROOT_FOLDER/killed/nginx.conf.d/letsencrypt.conf"
	legacy_app cut cut.example.test && legacy_active cut ec 20 cut.example.test && legacy_issue ec 90 cut.example.test && legacy_place cut "$LEGACY_SERVER" d@example.test
	cat "$HOST/tmp/leaf.crt" "$HOST/tmp/leaf.key" >"$HOST_ROOT_FOLDER/cut/tls/server.crt" && cp "$HOST/tmp/leaf.key" "$HOST_ROOT_FOLDER/cut/tls/server.key"

	# Keys that everybody may read.
	legacy_app open open.example.test && legacy_active open ec 33 open.example.test
	chmod 644 "$(legacy_folder open)"/current/certificates/*.{key,pem} "$HOST_ROOT_FOLDER/open/tls/server.key" "$HOST_LIB_FOLDER/config/letsencrypt/--global/email"
	chmod 755 "$accounts/$server_folder"

	# Settings from before there were properties.
	legacy_app older older.example.test
	legacy_issue ec 32 older.example.test && legacy_place older https://acme-staging-v02.api.letsencrypt.org/directory e@example.test && legacy_install older
	mkdir -p "$HOST_LIB_FOLDER/config/older"
	printf '%s\n' "export DOKKU_LETSENCRYPT_EMAIL='e@example.test'" "export DOKKU_LETSENCRYPT_SERVER='staging'" "export DOKKU_LETSENCRYPT_GRACEPERIOD='864000'" \
		"export SECRET='it'\\''s'" >"$HOST_LIB_FOLDER/config/older/ENV"

	# Several folders, the first of which is not in use; `current` on one that is gone; the first domain is another one now.
	legacy_app many many.example.test && legacy_active many ec 20 many.example.test && legacy_issue ec 31 many.example.test &&
		legacy_place many "$LEGACY_SERVER" f@example.test && legacy_install many
	legacy_app dangling dangling.example.test && legacy_active dangling ec 30 dangling.example.test
	rm -r "$(readlink "$(legacy_folder dangling)/current")"
	legacy_app changed old.changed.example.test && legacy_active changed ec 29 old.changed.example.test
	printf '%s\n' new.changed.example.test old.changed.example.test >"$HOST_ROOT_FOLDER/changed/VHOST"

	# What Dokku takes for a domain and a certificate cannot have comes first; upper case.
	legacy_app odd _ Odd.Example.test && legacy_active odd ec 28 Odd.Example.test
	legacy_own

	# Left by a container that ran as root, and closed to all others.
	certs=$(legacy_folder many)/$(printf '%040d' 1)/certificates
	mkdir -p "$certs" && echo x >"$certs/many.example.test.key" && chmod 600 "$certs/many.example.test.key" && chmod 700 "$certs"
}

install_again() { host_run plugin:install; }

# What `list` says: "APP DATE TIME"
listed() { host_run --quiet letsencrypt:list | awk '{ print $1, $2, $3 }' | sort -k 2,3 -k 1,1; }

mode() { stat -c %a "$@"; }

# All that the bash plugin left, by content.
contents() {
	find "$HOST_ROOT_FOLDER" "$HOST_LIB_FOLDER/config" -type f -printf '%p ' -exec sha1sum {} \; -o -type l -printf '%p %l\n' | sort
}

property() { cat "$HOST_LIB_FOLDER/config/letsencrypt/$1/$2" 2>/dev/null; } # APP KEY

# ---- tests ----

@test "what the bash plugin left is taken over in place: the same list, no request, nothing deleted" {
	local app before
	lay_out
	before=$(legacy_list)
	[[ $(wc -l <<<"$before") == 11 ]]
	contents >"$HOST/tmp/before"
	HOST_WRAPPER=(strace -f -qq -e 'trace=connect,sendto' -o "$HOST/tmp/strace")
	run -0 install_again
	HOST_WRAPPER=()
	run -1 grep -E 'AF_INET|sin_addr' "$HOST/tmp/strace"
	# What the bash plugin did not see any more is found; what somebody replaced by hand is not ours.
	diff <(grep -v '^byhand ' <<<"$before") <(listed | grep -vE '^(renamed|dangling|changed|cut) ')
	[[ $(listed | grep -cE '^(renamed|dangling|changed|cut) ') == 4 ]]
	# It would see them again, too.
	for app in renamed dangling; do legacy_is_active "$app"; done
	# Nothing is gone or changed, and new files are ours: older settings as properties, the layout of an app that had lost it.
	contents >"$HOST/tmp/after"
	run -0 comm -23 "$HOST/tmp/before" "$HOST/tmp/after"
	[[ -z $output ]]
	run -0 comm -13 "$HOST/tmp/before" "$HOST/tmp/after"
	run -1 grep -vE '/(renamed|dangling)/letsencrypt/|/config/letsencrypt/older/' <<<"$output"
}

@test "the second time says nothing and changes nothing" {
	local before after
	before=$(find "$HOST_ROOT_FOLDER" "$HOST_DATA_FOLDER" "$HOST_LIB_FOLDER/config" ! -name 'letsencrypt.db*' -printf '%p %m %i %T@ %l\n' | grep -v '/--global [0-9]' | sort)
	run -0 install_again
	[[ -z $output ]]
	after=$(find "$HOST_ROOT_FOLDER" "$HOST_DATA_FOLDER" "$HOST_LIB_FOLDER/config" ! -name 'letsencrypt.db*' -printf '%p %m %i %T@ %l\n' | grep -v '/--global [0-9]' | sort)
	diff <(echo "$before") <(echo "$after")
}

@test "nobody can read keys and settings any more" {
	[[ -z $(find "$accounts" ! -name '.lock' -perm /077 -printf '%p %m\n') ]]
	[[ -z $(find "$HOST_ROOT_FOLDER"/*/letsencrypt/ "$HOST_LIB_FOLDER/config/letsencrypt" -type f -perm /077 -printf '%p %m\n') ]]
	[[ $(mode "$HOST_ROOT_FOLDER/open/tls/server.key") == 640 ]]
	[[ $(mode "$HOST_ROOT_FOLDER/open/letsencrypt/certs/current/") == 755 ]]
}

@test "accounts are taken as they are, those of single apps too" {
	[[ $(jq -r .registration.uri "$accounts/$server_folder/$LEGACY_EMAIL/account.json") == "https://$server_folder/acme/acct/1" ]]
	cmp "$accounts/$server_folder/b@example.test/keys/b@example.test.key" \
		"$(legacy_folder hashed)/current/accounts/$server_folder/b@example.test/keys/b@example.test.key"
	cmp "$accounts/$server_folder/c@example.test/keys/c@example.test.key" \
		"$(legacy_folder strong)/current/accounts/$server_folder/c@example.test/keys/c@example.test.key"
	[[ $(jq -r .registration.uri "$accounts/$server_folder/b@example.test/account.json") == "https://$server_folder/acme/acct/2" ]]
	grep -q 'BEGIN RSA PRIVATE KEY' "$accounts/$server_folder/c@example.test/keys/c@example.test.key"
}

@test "older settings are properties now; one that is unset stays unset" {
	[[ $(property older email) == e@example.test && $(property older server) == staging && $(property older graceperiod) == 864000 ]]
	[[ $(grep -c DOKKU_LETSENCRYPT "$HOST_LIB_FOLDER/config/older/ENV") == 3 ]]
	run -0 host_run letsencrypt:set older graceperiod
	run -0 install_again
	[[ ! -e $HOST_LIB_FOLDER/config/letsencrypt/older/graceperiod ]]
}

@test "an app whose certificate is somebody else's is held back, or left alone" {
	run -0 host_run letsencrypt:report byhand --letsencrypt-held-back
	shows "a certificate was installed by hand"
	for app in foreign clone copy bought disabled bare failed; do
		run -0 host_run letsencrypt:active "$app"
		[[ $output == false ]]
	done
	[[ $(store_value "SELECT group_concat(app, ' ') FROM (SELECT app FROM apps WHERE held_back_at > 0 ORDER BY app)") == byhand ]]
	# Nobody's wish is guessed.
	[[ -z $(find "$HOST_LIB_FOLDER/config/letsencrypt" -name enabled) ]]
}

@test "an app whose certificate cannot be read is told, and its files stay" {
	local tls=$HOST_ROOT_FOLDER/linked/tls
	legacy_app linked linked.example.test && legacy_active linked ec 27 linked.example.test
	mv "$tls" "$HOST/tmp/tls" && ln -s "$HOST/tmp/tls" "$tls" && legacy_own
	run -0 install_again
	shows "linked is left as it is: tls/ is a link, or the certificate in it is damaged: 'dokku letsencrypt:enable linked' replaces it"
	run -0 host_run letsencrypt:disable linked
	shows "The certificate in use was not installed by letsencrypt: it stays (to remove it: dokku certs:remove linked)"
	[[ -L $tls && -f $tls/server.crt ]]
	rm -r "$HOST_ROOT_FOLDER/linked"
}

@test "an app that was disabled here and enabled by the bash plugin since is told" {
	legacy_app again again.example.test && legacy_active again ec 26 again.example.test && legacy_property again enabled false && legacy_own
	run -0 install_again
	shows "again was disabled before it got its certificate: it is not renewed (to have that: dokku letsencrypt:enable again)"
	run -0 host_run letsencrypt:active again
	[[ $output == true ]]
	run -0 install_again
	[[ -z $output ]]
	rm -r "$HOST_ROOT_FOLDER/again" "$HOST_LIB_FOLDER/config/letsencrypt/again"
}

@test "what is told is told once, with the command that helps" {
	local app
	rm -f "$HOST_DATA_FOLDER"/--global/letsencrypt.db*
	run -0 install_again
	shows "The certificate of clone is not renewed: plain has the same one (for one of its own: dokku letsencrypt:enable clone)"
	shows "The certificate of foreign is not renewed: it is for none of its domains (for one of its own: dokku letsencrypt:enable foreign)"
	shows "byhand is held back, as its certificate was installed by hand (to have it replaced: dokku letsencrypt:enable byhand)"
	run -0 install_again
	[[ -z $output ]]
	# Without its store the host is the same again.
	for app in renamed dangling changed cut plain; do
		run -0 host_run letsencrypt:active "$app"
		[[ $output == true ]]
	done
}

@test "what is known of a certificate that was taken over is kept with it" {
	[[ $(store_value "SELECT server || ' ' || key_type FROM certs WHERE names = 'strong.example.test'") == "$LEGACY_SERVER rsa2048" ]]
	[[ $(store_value "SELECT server FROM certs WHERE names = 'older.example.test'") == https://acme-staging-v02.api.letsencrypt.org/directory ]]
	run -0 store_value "SELECT leaf FROM apps WHERE app = 'cut'"
	[[ $(mode "$HOST_DATA_FOLDER/--global/certs/$output") == 700 ]]
	pair_fits "$HOST_DATA_FOLDER/--global/certs/$output/fullchain.pem" "$HOST_DATA_FOLDER/--global/certs/$output/key.pem"
	run -1 grep -r 'PRIVATE KEY' "$HOST_DATA_FOLDER/--global/certs/$output/fullchain.pem"
	run -0 host_run letsencrypt:events plain
	shows "in use as it was"
}

@test "an app that was taken over is renewed when it is due, and the bash plugin could go on with what is there" {
	local config serial
	host_ca_start
	legacy_property --global server "$HOST_CA_DIRECTORY"
	legacy_property --global ca-certificate "$HOST_CA_CERT"
	legacy_property --global email "$LEGACY_EMAIL"
	legacy_own
	core_app back back.example.test
	# The name of the files is the first domain, whatever can be in a certificate.
	printf '%s\n' _ intranet back.example.test >"$HOST_ROOT_FOLDER/back/VHOST"
	legacy_issue ec 10 back.example.test && legacy_place back "$HOST_CA_DIRECTORY" && legacy_install back
	mkdir -p "$HOST_ROOT_FOLDER/back/nginx.conf.d"
	echo "location ^~ /.well-known/acme-challenge { alias $HOST_DATA_FOLDER/back/.well-known/acme-challenge; }" >"$HOST_ROOT_FOLDER/back/nginx.conf.d/letsencrypt.conf"
	# The umask of whoever called it.
	mkdir -p "$HOST_DATA_FOLDER/back/.well-known/acme-challenge" && chmod 700 "$HOST_DATA_FOLDER/back"{,/.well-known{,/acme-challenge}}
	legacy_property back graceperiod 2592000 && legacy_own
	host_quietly proxy:build-config back
	serial=$(leaf_serial back.example.test)
	run -0 install_again
	shows "in use as they are: 1"
	run -0 host_run letsencrypt:auto-renew back
	host_until 5 is_replaced back.example.test "$serial"
	host_https_get back.example.test >/dev/null

	legacy_is_active back
	config=$(legacy_config back "$HOST_CA_DIRECTORY" "$LEGACY_EMAIL")
	[[ $(readlink "$(legacy_folder back)/current") == "$(legacy_folder back)/$(legacy_id "$config")" ]]
	[[ $(<"$(legacy_folder back)/current/config") == "$config" ]]
	pair_fits "$(legacy_folder back)/current/certificates/intranet.crt" "$(legacy_folder back)/current/certificates/intranet.key"
	diff "$(legacy_folder back)/current/certificates/intranet.pem" <(cat "$(legacy_folder back)"/current/certificates/intranet.{crt,key})
	[[ $(legacy_list | grep '^back ') == "$(listed | grep '^back ')" ]]
	[[ -z $(find "$HOST_ROOT_FOLDER/back/letsencrypt" -type f -perm /077) ]]
	[[ -z $(find "$HOST_DATA_FOLDER/back" -type d ! -perm 755) ]]
}

@test "what the bash plugin would look for is kept up to date without an order" {
	local before orders
	orders=$(ca_orders)
	before=$(readlink "$(legacy_folder back)/current")
	# It goes by the first domain.
	run -0 host_run domains:remove back intranet
	host_until 5 legacy_is_active back
	[[ $(readlink "$(legacy_folder back)/current") != "$before" ]]
	# And by what it would call its client with, when somebody asks for a certificate.
	before=$(readlink "$(legacy_folder back)/current")
	run -0 host_run letsencrypt:set back lego-args --cert.timeout=45
	run -0 host_run letsencrypt:set back lego-docker-options "-v /tmp/sentinel:/sentinel:ro"
	run -0 host_run letsencrypt:enable back
	shows "Certificate is still valid for back, skipping certificate request"
	[[ $(readlink "$(legacy_folder back)/current") != "$before" ]]
	grep -q -- ' --cert.timeout=45 ' "$(legacy_folder back)/current/config"
	[[ $(<"$(legacy_folder back)/current/docker_options") == "-v /tmp/sentinel:/sentinel:ro" ]]
	legacy_is_active back
	run -0 host_run letsencrypt:cleanup back
	[[ $(find "$(legacy_folder back)" -mindepth 1 -maxdepth 1 -type d) == "$(readlink "$(legacy_folder back)/current")" ]]
	legacy_is_active back
	[[ $(ca_orders) == "$orders" ]]
}

# Under PROGRAM..., as user dokku, without the rest of install.
take_over() { # [PROGRAM...]
	local user=()
	if ((HOST_ROOT)); then user=(setpriv "--reuid=$HOST_USER" "--regid=$HOST_GROUP" --init-groups); fi
	env -i PATH="$PATH" DOKKU_ROOT="$HOST_ROOT_FOLDER" DOKKU_LIB_ROOT="$HOST_LIB_FOLDER" "${user[@]}" "$@" \
		"$HOST_LIB_FOLDER/plugins/available/letsencrypt/bin/letsencrypt" takeover </dev/null
}

# A renamed app, of which nobody knows anything yet.
stray_again() {
	rm -rf "$HOST_DATA_FOLDER"/--global/{letsencrypt.db*,certs} "$HOST_ROOT_FOLDER/stray/letsencrypt"
	cp -a "$HOST/tmp/letsencrypt.db" "$HOST_DATA_FOLDER/--global/"
	chmod 644 "$HOST_ROOT_FOLDER/stray/tls/server.key"
}

@test "killed at any call, it takes over all the same the next time" {
	local calls call number before leaf kills=0 log=$HOST/tmp/calls wanted=write,pwrite64,rename,renameat,renameat2,mkdir,mkdirat,symlinkat,unlink,unlinkat,fchmod,fsync,fdatasync
	declare -A counts=()
	rm -rf "${HOST_ROOT_FOLDER:?}"/* "$HOST_LIB_FOLDER"/config/letsencrypt/* "$HOST_DATA_FOLDER"/--global/letsencrypt.db*
	take_over
	cp -a "$HOST_DATA_FOLDER/--global/letsencrypt.db" "$HOST/tmp/"
	legacy_property --global email "$LEGACY_EMAIL"
	legacy_app stray stray.example.test && legacy_issue ec 60 stray.example.test && legacy_install stray
	legacy_own
	: >"$log" && chmod a+w "$log"
	before=$(sha1sum "$HOST_ROOT_FOLDER/stray/tls"/*)
	leaf=$(openssl x509 -in "$HOST_ROOT_FOLDER/stray/tls/server.crt" -outform DER | sha256sum | cut -d ' ' -f 1)
	stray_again
	take_over strace -qq -o "$log" -e "trace=$wanted"
	mapfile -t calls < <(sed -n 's/^\([a-z][a-z0-9_]*\)(.*/\1/p' "$log")
	for number in "${!calls[@]}"; do
		call=${calls[number]}
		counts[$call]=$((${counts[$call]:-0} + 1))
		stray_again
		run take_over strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=${counts[$call]}"
		# SQLite writes a page more or less.
		((status == 0 || status == 137))
		((status == 0 || ++kills))
		run -0 take_over
		echo "killed at $call ${counts[$call]}: $output"
		[[ $(store_value "SELECT leaf FROM apps WHERE app = 'stray'") == "$leaf" ]]
		pair_fits "$HOST_DATA_FOLDER/--global/certs/$leaf/"{fullchain,key}.pem
		legacy_is_active stray
		[[ $(sha1sum "$HOST_ROOT_FOLDER/stray/tls"/*) == "$before" ]]
	done
	((kills > 30))
}
