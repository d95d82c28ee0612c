#!/usr/bin/env bats
# install, update, uninstall, dependencies, commands, and the small program: on a host made of folders. What is built here are scripts that stand for the
# two programs, except in the last tests, which take the real hook program from TEST_PROGRAMS and the real tree.
# shellcheck disable=SC2016 # the scripts that are written here expand them

setup() {
	source=$BATS_TEST_DIRNAME/../..
	export DOKKU_ROOT=$BATS_TEST_TMPDIR/home DOKKU_LIB_ROOT=$BATS_TEST_TMPDIR/lib DOKKU_LOGS_DIR=/var/log/dokku
	export DOKKU_SYSTEM_USER=nobody DOKKU_SYSTEM_GROUP=nogroup DOKKU_NOT_IMPLEMENTED_EXIT=10
	unset LETSENCRYPT_DISABLE_PULL
	# install works as the platform's user, too.
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
	chmod 755 "$BATS_TEST_TMPDIR"
	data=$DOKKU_LIB_ROOT/data/letsencrypt
	plugin=$DOKKU_LIB_ROOT/plugins/available/letsencrypt
	calls=$BATS_TEST_TMPDIR/calls
	stubs=$BATS_TEST_TMPDIR/stubs
	mkdir -p "$DOKKU_ROOT" "$plugin" "$stubs"
	echo 0.38.27 >"$DOKKU_LIB_ROOT/VERSION"
	: >"$calls"
	chmod a+w "$calls"
	PATH=$stubs:$PATH
	make_plugin "$plugin"
	stub plugn
	stub systemctl
	stub nginx
	stub apt-get 'exit 100'
	stub dpkg 'echo amd64'
	stub dpkg-query 'for name; do printf " installed:%s " "$name"; done'
}

# stub NAME [SCRIPT]: a program of that name that notes its call.
stub() {
	printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' "$1" "$calls" "${2:-}" >"$stubs/$1"
	chmod 755 "$stubs/$1"
}

# The scripts of this tree, and a Makefile that "builds" programs whose words can be told from each other.
make_plugin() {
	mkdir -p "$1/plugin" "$1/hooks" "$1/templates"
	cp "$source/commands" "$source/install" "$source/update" "$source/uninstall" "$source/dependencies" "$source/plugin.toml" "$1/"
	cp -r "$source/templates/schedule" "$1/templates/"
	system debian 12 "$1"
	redirect "$1"
	echo 1 >"$1/plugin/source.c"
	printf '%s\n' 'all:' '	mkdir -p $(BUILD)/release' '	cp program $(BUILD)/release/letsencrypt' '	cp hook $(BUILD)/release/letsencrypt-hook' \
		"	echo built >>$calls" >"$1/Makefile"
	printf '#!/bin/sh\ncase $1 in version) echo 1.0.0 ;; help) echo "lines $*" ;; takeover) ;; *) echo "main $*" ;; esac\n' >"$1/program"
	printf '#!/bin/sh\ncase $1 in --triggers) echo post-delete report ;; --subcommands) echo default enable report ;; --schedule) echo 7 ;; *) echo "$0" ;; esac\n' >"$1/hook"
	chmod 755 "$1/program" "$1/hook"
}

# redirect FOLDER: what its scripts do in /etc, they do in the test's folder.
redirect() {
	units=$BATS_TEST_TMPDIR/units
	cron=$BATS_TEST_TMPDIR/cron.d
	mkdir -p "$units" "$cron"
	sed -i -e "s|^certbot=.*|certbot=$BATS_TEST_TMPDIR/certbot|" -e "s|^units=.*|units=$units|" -e "s|^cron_folder=.*|cron_folder=$cron|" "$1/install" "$1/uninstall"
}

# system ID VERSION [FOLDER]: the system that `install` in FOLDER finds itself on.
system() {
	printf 'ID=%s\nVERSION_ID="%s"\n' "$1" "$2" >"$BATS_TEST_TMPDIR/os-release"
	sed -i "s|^\(.*(\. \)[^ ]*|\1$BATS_TEST_TMPDIR/os-release|" "${3:-$plugin}/install"
}

# `! grep` would never fail a test.
never_called() {
	if grep "$1" "$calls"; then return 1; fi
}
builds() { grep -c '^built' "$calls" || true; }
# All below the host's folders but the sources: what a run changed.
state() { (cd "$BATS_TEST_TMPDIR" && find home lib -path '*/available/*' -prune -o -printf '%p %m %l\n' && ls "$plugin") | sort; }

@test "a first install builds, links, keeps the programs and makes the folders" {
	run "$plugin/install" </dev/null
	[ "$status" -eq 0 ]
	[[ $output == *'Building letsencrypt 1.0.0'*'letsencrypt 1.0.0 is installed'* ]]
	[ "$("$plugin/bin/letsencrypt" version)" = 1.0.0 ]
	[ "$(readlink "$plugin/post-delete")" = bin/letsencrypt-hook ]
	[ "$(readlink "$plugin/subcommands/enable")" = ../bin/letsencrypt-hook ]
	[ -x "$plugin/subcommands/default" ]
	[ -x "$data/--global/build/1.0.0-amd64-debian12/letsencrypt" ]
	[ "$(stat -c %a "$data" "$data/--global" "$data/--global/accounts" "$DOKKU_LIB_ROOT/config/letsencrypt" | tr '\n' ' ')" = '755 700 700 755 ' ]
	if [ "$(id -u)" -eq 0 ]; then
		[ "$(stat -c %U:%G "$data" "$data/--global" "$DOKKU_LIB_ROOT/config/letsencrypt" | sort -u)" = nobody:nogroup ]
	fi
}

@test "a second install changes nothing, says nothing, builds nothing" {
	"$plugin/install"
	before=$(state)
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(builds)" = 1 ]
	[ "$(state)" = "$before" ]
}

@test "what certbot has is handed over every time, and nothing stops when that fails" {
	mkdir -p "$BATS_TEST_TMPDIR/certbot/live"
	"$plugin/install"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ "$output" = "main found $BATS_TEST_TMPDIR/certbot" ]
	sed -i 's/^case $1 in/& found) exit 1 ;;/' "$plugin/bin/letsencrypt"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ "$output" = " !     The budget does not know of the certificates in $BATS_TEST_TMPDIR/certbot." ]
}

@test "the folder of the webroots is opened to the proxy, and nothing in it" {
	"$plugin/install"
	mkdir -m 700 "$data/web" "$data/accounts"
	chmod 700 "$data"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(stat -c %a "$data" "$data/web" "$data/accounts" "$data/--global" | tr '\n' ' ')" = '755 700 700 700 ' ]
}

@test "update builds again when a source has changed, and only the one kept build of this system stays" {
	"$plugin/install"
	echo 2 >"$plugin/plugin/source.c"
	sed -i 's/echo 1.0.0/echo 1.1.0/' "$plugin/program"
	sed -i 's/^version = .*/version = "1.1.0"/' "$plugin/plugin.toml"
	run "$plugin/update"
	[ "$status" -eq 0 ]
	[ "$(builds)" = 2 ]
	[ "$("$plugin/bin/letsencrypt" version)" = 1.1.0 ]
	[ "$(ls "$data/--global/build")" = 1.1.0-amd64-debian12 ]
}

@test "a plugin folder made anew takes the kept programs and renews the crontab" {
	"$plugin/install"
	touch "$data/--global/autorenew"
	rm -rf "${plugin:?}/bin" "$plugin/subcommands" "$plugin/post-delete"
	: >"$calls"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ "$(builds)" = 0 ]
	[ -x "$plugin/post-delete" ]
	grep -q '^plugn trigger scheduler-cron-write' "$calls"
}

@test "what install does as the platform's user has none of root's temporary folders" {
	[ "$(id -u)" -eq 0 ] || skip "there is one user only"
	stub plugn "echo \"with \${TMPDIR-none} \${TMP-none}\" >>$calls"
	TMPDIR=$BATS_TEST_TMPDIR TMP=$BATS_TEST_TMPDIR "$plugin/install"
	grep -qx 'with none none' "$calls"
}

@test "install writes the host's own schedule: a file of cron's, or a timer where systemd runs" {
	"$plugin/install"
	[ "$(ls "$cron")" = letsencrypt-auto-renew ]
	grep -qE "^7 \* \* \* \* nobody .* exec [^ ]*/dokku letsencrypt:auto-renew --scheduled --by host >>/var/log/dokku/letsencrypt.log 2>&1$" "$cron/letsencrypt-auto-renew"
	[ -z "$(ls "$units")" ]
	stub systemctl 'case $1 in "") echo "  -.mount loaded active mounted /" ;; is-active) exit 3 ;; esac'
	: >"$calls"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ -z "$(ls "$cron")" ]
	[ "$(ls -m "$units")" = 'letsencrypt-auto-renew.service, letsencrypt-auto-renew.timer' ]
	[ "$(stat -c %a "$units"/* | sort -u)" = 644 ]
	[ "$(grep -cE '^systemctl (daemon-reload|enable --quiet --now letsencrypt-auto-renew.timer)$' "$calls")" = 2 ]
	# A timer that somebody stopped by hand is started again: it is switched off by cron-job --remove.
	: >"$calls"
	"$plugin/install"
	grep -q '^systemctl enable' "$calls"
	stub systemctl 'case $1 in "") echo "  -.mount loaded active mounted /" ;; esac'
	: >"$calls"
	"$plugin/install"
	never_called '^systemctl \(daemon-reload\|enable\)'
	# Started in another way, without systemd.
	mkdir "$units/timers.target.wants"
	ln -s ../letsencrypt-auto-renew.timer "$units/timers.target.wants/"
	stub systemctl 'exit 1'
	"$plugin/install"
	[ "$(ls "$cron")" = letsencrypt-auto-renew ]
	[ "$(find "$units" -mindepth 1)" = "$units/timers.target.wants" ]
}

@test "a log that the platform's user may not write to becomes his, since nothing would run" {
	[ "$(id -u)" -eq 0 ] || skip "only root can give files away"
	export DOKKU_LOGS_DIR=$BATS_TEST_TMPDIR/log
	log=$DOKKU_LOGS_DIR/letsencrypt.log
	mkdir "$DOKKU_LOGS_DIR"
	"$plugin/install"
	[ "$(stat -c '%U:%G %a %s' "$log")" = 'nobody:nogroup 644 0' ]
	# From the backup of another server.
	echo kept >"$log"
	chown root:root "$log"
	"$plugin/install"
	[ "$(stat -c '%U:%G %a' "$log")" = 'nobody:nogroup 644' ]
	[ "$(cat "$log")" = kept ]
	# A link is not followed: what it leads to is not given away.
	rm "$log"
	mkdir "$BATS_TEST_TMPDIR/private"
	touch "$BATS_TEST_TMPDIR/private/root"
	ln -s "$BATS_TEST_TMPDIR/private/root" "$log"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *"$log cannot be written to"* ]]
	[ "$(stat -c %U "$BATS_TEST_TMPDIR/private/root")" = root ]
	# Whoever may write to it through its group keeps it as it is.
	rm "$log"
	install -o daemon -g nogroup -m 664 /dev/null "$log"
	"$plugin/install"
	[ "$(stat -c '%U:%G %a' "$log")" = 'daemon:nogroup 664' ]
}

@test "a host with neither systemd nor cron is told, and installs" {
	rmdir "$cron"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *'The host has no schedule of its own.'* ]]
	[ -z "$(ls "$units")" ]
}

@test "a kept program that does not start is built again" {
	"$plugin/install"
	rm -rf "${plugin:?}/bin"
	printf '#!/bin/sh\nexit 127\n' >"$data/--global/build/1.0.0-amd64-debian12/letsencrypt"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[ "$(builds)" = 2 ]
	"$data/--global/build/1.0.0-amd64-debian12/letsencrypt" version
}

@test "libraries that a kept program has lost are installed, not a compiler" {
	"$plugin/install"
	rm -rf "${plugin:?}/bin"
	kept=$data/--global/build/1.0.0-amd64-debian12
	echo libjansson4 >"$kept/packages"
	# Starts only once apt-get has been there.
	printf '#!/bin/sh\ngrep -q "apt-get .* install -y .*libjansson4" "%s" || exit 127\necho 1.0.0\n' "$calls" >"$kept/letsencrypt"
	stub id '[ "$*" != -u ] || echo 0; [ "$*" = -u ]'
	stub dpkg-query
	stub apt-get 'case $* in *assume-no*) echo "Need to get 32 kB of archives." ;; esac'
	: >"$calls"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *'Installing packages for letsencrypt: libjansson4'*'Need to get 32 kB'* ]]
	[ "$(builds)" = 0 ]
	never_called gcc
}

@test "a program whose library went away is not taken for working" {
	"$plugin/install"
	echo /nowhere/libgone.so.1 >"$plugin/bin/libraries"
	"$plugin/install"
	run grep libgone "$plugin/bin/libraries"
	[ "$status" -eq 1 ]
}

@test "links of triggers that are gone disappear, foreign files stay" {
	"$plugin/install"
	ln -s bin/letsencrypt-hook "$plugin/post-nothing"
	ln -s ../bin/letsencrypt-hook "$plugin/subcommands/old"
	echo mine >"$plugin/notes"
	"$plugin/install"
	[ ! -L "$plugin/post-nothing" ]
	[ ! -L "$plugin/subcommands/old" ]
	[ -f "$plugin/notes" ]
	[ -L "$plugin/report" ]
}

@test "it builds where /tmp does not let programs start" {
	mkdir "$BATS_TEST_TMPDIR/tmp"
	as=(unshare --mount sh -c 'mount -t tmpfs -o noexec none "$1" && TMPDIR=$1 exec "$2"' sh "$BATS_TEST_TMPDIR/tmp")
	"${as[@]}" /bin/true 2>/dev/null || skip "this machine lets nobody mount anything"
	run "${as[@]}" "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *'letsencrypt 1.0.0 is installed'* ]]
	[ ! -e "$plugin/build" ]
}

@test "a first install that does not build fails and says how to go on" {
	printf 'all:\n\t@echo "x.c:1: error: no such luck"; exit 1\n' >"$plugin/Makefile"
	before=$(state)
	run "$plugin/install"
	[ "$status" -eq 1 ]
	[[ $output == *'no such luck'*'sudo dokku plugin:install'* ]]
	[[ $output != *'plugin:install http'* ]]
	[ "$(state)" = "$before" ]
}

@test "an install that does not build on a host that has state ends with 0 and a warning" {
	"$plugin/install"
	printf 'all:\n\t@exit 1\n' >"$plugin/Makefile"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *'could not be built'*'sudo dokku plugin:install'*'goes on with what it has'* ]]
	"$plugin/bin/letsencrypt" version
}

@test "a program that does not start never replaces one that does" {
	"$plugin/install"
	printf '#!/bin/sh\necho "libfoo.so.1: cannot open" >&2\nexit 127\n' >"$plugin/program"
	echo 2 >"$plugin/plugin/source.c"
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *'does not start'*'libfoo.so.1'* ]]
	"$plugin/bin/letsencrypt" version
}

@test "systems that are too old or unknown: both versions are said, nothing is changed" {
	for case in 'debian 11 0.38.27' 'ubuntu 22.04 0.38.27' 'debian 12 0.37.9' 'ubuntu 24.04 0.9.2' 'fedora 40 0.38.27'; do
		# shellcheck disable=SC2086
		set -- $case
		system "$1" "$2"
		echo "$3" >"$DOKKU_LIB_ROOT/VERSION"
		before=$(state)
		run "$plugin/install"
		[ "$status" -eq 1 ]
		[[ $output == *"This is Dokku $3 on $1 $2 "* ]]
		[ "$(state)" = "$before" ]
		[ "$(builds)" = 0 ]
	done
	stub dpkg 'echo riscv64'
	system debian 12
	echo 0.38.27 >"$DOKKU_LIB_ROOT/VERSION"
	run "$plugin/install"
	[ "$status" -eq 1 ]
	[[ $output == *riscv64* ]]
}

@test "systems that are new enough install" {
	for case in 'debian 12 0.38.0' 'debian 13 0.39.1' 'ubuntu 24.04 1.0.0' 'ubuntu 26.04 0.100.2' 'debian 12 master'; do
		# shellcheck disable=SC2086
		set -- $case
		system "$1" "$2"
		echo "$3" >"$DOKKU_LIB_ROOT/VERSION"
		rm -rf "$data" "${plugin:?}/bin"
		run "$plugin/install"
		[ "$status" -eq 0 ]
	done
	# The core plugins tell the version where no file does.
	rm "$DOKKU_LIB_ROOT/VERSION"
	rm -rf "$data" "${plugin:?}/bin"
	mkdir -p "$DOKKU_LIB_ROOT/core-plugins/available/common"
	printf '[plugin]\nversion = "0.30.1"\n' >"$DOKKU_LIB_ROOT/core-plugins/available/common/plugin.toml"
	run "$plugin/install"
	[ "$status" -eq 1 ]
	[[ $output == *'Dokku 0.30.1'* ]]
}

@test "an old system with state of ours is not stopped" {
	mkdir -p "$data/--global"
	system debian 11
	run "$plugin/install"
	[ "$status" -eq 0 ]
	[[ $output == *'debian 11'* ]]
	[ "$(builds)" = 0 ]
}

@test "another folder name is refused with the command that is right" {
	other=$DOKKU_LIB_ROOT/plugins/available/letsencrypt-c
	make_plugin "$other"
	git -C "$other" init -q
	git -C "$other" remote add origin https://git.example.com/le/letsencrypt-c.git
	run "$other/install"
	[ "$status" -eq 1 ]
	[[ $output == *'sudo dokku plugin:uninstall letsencrypt-c'* ]]
	[[ $output == *'sudo dokku plugin:install https://git.example.com/le/letsencrypt-c.git --name letsencrypt'* ]]
	[ ! -e "$data" ]
}

@test "missing packages are installed without questions, after saying which and how much" {
	stub id 'echo 0'
	stub dpkg-query 'printf " installed:make "'
	stub apt-get 'echo "frontend=$DEBIAN_FRONTEND restart=$NEEDRESTART_MODE" >>'"$calls"'
		case $* in *assume-no*) echo "Need to get 45.1 MB of archives."; echo "After this operation, 180 MB of additional disk space will be used."; exit 1 ;; esac'
	run "$plugin/dependencies"
	[ "$status" -eq 0 ]
	[[ $output == *' gcc '*'Need to get 45.1 MB'*'180 MB'* ]]
	[[ $output != *' make'* ]]
	grep -q 'DPkg::Lock::Timeout=300 install -y .*gcc' "$calls"
	[ "$(grep -c 'frontend=noninteractive restart=l' "$calls")" -ge 2 ]
	never_called 'apt-get .*update'
}

@test "package lists that are missing are fetched first; a failure shows apt's words" {
	stub id 'echo 0'
	stub dpkg-query
	stub apt-get 'case $* in *update*) exit 0 ;; *) echo "E: Unable to locate package gcc"; exit 100 ;; esac'
	run "$plugin/dependencies"
	[ "$status" -eq 1 ]
	[[ $output == *'Unable to locate package gcc'* ]]
	grep -q 'apt-get .*update' "$calls"
}

@test "LETSENCRYPT_DISABLE_PULL=true forbids to fetch packages" {
	stub dpkg-query
	LETSENCRYPT_DISABLE_PULL=true run "$plugin/install"
	[ "$status" -eq 1 ]
	[[ $output == *'LETSENCRYPT_DISABLE_PULL=true forbids'*'sudo apt-get install gcc'* ]]
	never_called '^apt-get'
}

snippet() {
	mkdir -p "$DOKKU_ROOT/$1/nginx.conf.d"
	echo "$2" >"$DOKKU_ROOT/$1/nginx.conf.d/letsencrypt.conf"
}

@test "uninstall of another plugin does nothing" {
	"$plugin/install"
	snippet blog '# Managed by the letsencrypt plugin; do not edit'
	: >"$calls"
	before=$(state)
	run "$plugin/uninstall" redis
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(state)" = "$before" ]
	[ ! -s "$calls" ]
}

@test "uninstall takes our snippets with one reload and our line of the crontab; what was bought stays" {
	"$plugin/install"
	snippet blog '# Managed by the letsencrypt plugin; do not edit'
	snippet shop '# Managed by the letsencrypt plugin; do not edit'
	snippet wiki 'location /.well-known/acme-challenge { }'
	mkdir -p "$DOKKU_ROOT/blog/tls" "$data/--global/certs/x"
	touch "$data/--global/autorenew" "$DOKKU_LIB_ROOT/config/letsencrypt/x"
	ln -s bin/letsencrypt-hook "$plugin/cron-entries"
	mkdir "$units/timers.target.wants"
	touch "$units/letsencrypt-auto-renew.timer" "$units/letsencrypt-auto-renew.service" "$units/other.timer" "$units/timers.target.wants/letsencrypt-auto-renew.timer"
	stub plugn "test ! -e $plugin/cron-entries || echo 'entries are there' >>$calls"
	: >"$calls"
	run "$plugin/uninstall" letsencrypt
	[ "$status" -eq 0 ]
	[ ! -e "$DOKKU_ROOT/blog/nginx.conf.d/letsencrypt.conf" ]
	[ ! -e "$DOKKU_ROOT/shop/nginx.conf.d/letsencrypt.conf" ]
	[ -e "$DOKKU_ROOT/wiki/nginx.conf.d/letsencrypt.conf" ]
	[ "$(grep -c '^systemctl reload nginx' "$calls")" = 1 ]
	[ "$(grep -n '^nginx -t' "$calls" | cut -d: -f1)" -lt "$(grep -n '^systemctl reload' "$calls" | cut -d: -f1)" ]
	grep -q '^plugn trigger scheduler-cron-write' "$calls"
	never_called 'entries are there'
	[ -z "$(ls "$cron")" ]
	[ "$(find "$units" -type f)" = "$units/other.timer" ]
	# With it goes what it remembers for its next installation, which would start at once what it then seems to have missed.
	[ "$(grep -E '^systemctl (disable|clean|daemon-reload)' "$calls" | paste -sd ';')" = \
		'systemctl disable --now letsencrypt-auto-renew.timer;systemctl clean --what=state letsencrypt-auto-renew.timer;systemctl daemon-reload' ]
	[ -d "$DOKKU_ROOT/blog/tls" ]
	[ -d "$data/--global/certs/x" ]
	[ -e "$data/--global/autorenew" ]
	[ -e "$DOKKU_LIB_ROOT/config/letsencrypt/x" ]
	[[ $output == *'nothing renews them'*"sudo rm -rf $data"* ]]
}

@test "uninstall does not reload an nginx whose configuration is broken" {
	snippet blog '# Managed by the letsencrypt plugin; do not edit'
	stub nginx 'exit 1'
	run "$plugin/uninstall" letsencrypt
	[ "$status" -eq 0 ]
	[[ $output == *'not reloaded'* ]]
	never_called '^systemctl reload'
}

@test "commands answers for our words only" {
	for words in '' 'apps:list' 'letsencryptx' 'letsencryptx:help' 'redis:help' 'lets'; do
		# shellcheck disable=SC2086
		run "$plugin/commands" $words
		[ "$status" -eq 10 ]
		[ -z "$output" ]
	done
	"$plugin/install" >/dev/null
	run "$plugin/commands" letsencrypt:bogus a 'b c'
	[ "$output" = 'main letsencrypt:bogus a b c' ]
}

@test "commands help is one line, with --all in the caller's words it is all lines" {
	run "$plugin/commands" help
	[ "$status" -eq 0 ]
	[ "$output" = '    letsencrypt, Manage the letsencrypt integration' ]
	# As the platform calls it: a script with its own words; first without programs, then with.
	printf '#!/bin/bash\n"%s/commands" help\nexit $?\n' "$plugin" >"$stubs/platform"
	chmod 755 "$stubs/platform"
	run platform help --all
	[ "$status" -eq 0 ]
	[ "$output" = '    letsencrypt, Manage the letsencrypt integration' ]
	"$plugin/install" >/dev/null
	run platform help --all
	[ "$output" = 'lines help --platform-lines' ]
	run platform help
	[ "$output" = '    letsencrypt, Manage the letsencrypt integration' ]
}

@test "commands without programs says what to do" {
	run "$plugin/commands" letsencrypt:help
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *'sudo dokku plugin:install'* ]]
	"$plugin/install" >/dev/null
	printf '#!/bin/sh\necho "error while loading shared libraries" >&2; exit 127\n' >"$plugin/bin/letsencrypt"
	run "$plugin/commands" letsencrypt:help
	[ "$status" -eq 1 ]
	[[ $output == *'sudo dokku plugin:install'* ]]
	printf '#!/bin/sh\nexit 20\n' >"$plugin/bin/letsencrypt"
	run "$plugin/commands" letsencrypt:enable nope
	[ "$status" -eq 20 ]
}

# ---- the real hook program ----

# The links as `install` makes them, a program that shows how it was called.
use_hook() {
	mkdir -p "$plugin/bin" "$plugin/subcommands" "$data/--global"
	cp "$TEST_PROGRAMS/letsencrypt-hook" "$plugin/bin/"
	printf '#!/bin/sh\necho "args: $*"\necho "in: $(cat)"\nexit ${STATUS:-0}\n' >"$plugin/bin/letsencrypt"
	chmod 755 "$plugin/bin/letsencrypt"
	for name in $("$plugin/bin/letsencrypt-hook" --triggers); do ln -s bin/letsencrypt-hook "$plugin/$name"; done
	for name in $("$plugin/bin/letsencrypt-hook" --subcommands); do ln -s ../bin/letsencrypt-hook "$plugin/subcommands/$name"; done
}

@test "a subcommand hands on words, stdin and exit status" {
	use_hook
	STATUS=75 run "$plugin/subcommands/report" letsencrypt:report 'my app' <<<secret
	[ "$status" -eq 75 ]
	[ "${lines[0]}" = 'args: letsencrypt:report my app' ]
	[ "${lines[1]}" = 'in: secret' ]
	run "$plugin/subcommands/default" letsencrypt blog </dev/null
	[ "${lines[0]}" = 'args: letsencrypt blog' ]
}

@test "a subcommand is ended by the signal that is sent to it" {
	use_hook
	printf '#!/bin/sh\ntrap "exit 42" TERM\necho ready\nwhile :; do sleep 0.1; done\n' >"$plugin/bin/letsencrypt"
	"$plugin/subcommands/enable" letsencrypt:enable blog >"$BATS_TEST_TMPDIR/out" &
	pid=$!
	until grep -q ready "$BATS_TEST_TMPDIR/out"; do
		kill -0 $pid
		sleep 0.02
	done
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" -eq 42 ]
}

@test "a subcommand whose program cannot start says what to do, in one line" {
	use_hook
	echo /nowhere/libgone.so.1 >"$plugin/bin/libraries"
	run "$plugin/subcommands/list" letsencrypt:list
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *libgone.so.1*'sudo dokku plugin:install'* ]]
	rm "$plugin/bin/libraries" "$plugin/bin/letsencrypt"
	run "$plugin/subcommands/list" letsencrypt:list
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *'No such file'*'sudo dokku plugin:install'* ]]
}

@test "report is the trigger, not the subcommand: its stdin is the caller's, its failure nobody's" {
	use_hook
	printf '#!/bin/sh\necho "args: $*"\necho "in: $(cat)"\n' >"$plugin/bin/letsencrypt"
	exec 5< <(echo refs)
	run "$plugin/report" blog <&5
	[ "${lines[0]}" = 'args: report-trigger blog' ]
	[ "${lines[1]}" = 'in: ' ]
	[ "$(cat <&5)" = refs ]
	rm "$plugin/bin/letsencrypt"
	run "$plugin/report" blog </dev/null
	[ "$status" -eq 0 ]
	[[ $output == *'sudo dokku plugin:install'* ]]
}

@test "cron-entries is one line unless renewal was switched off, for the scheduler with a host's cron only" {
	use_hook
	run "$plugin/cron-entries" docker-local
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output =~ ^[1-5]?[0-9]\ \*\ \*\ \*\ \*\;dokku\ letsencrypt:auto-renew\ --scheduled\ --by\ cron-entries\;/var/log/dokku/letsencrypt.log$ ]]
	[[ $output != 0\ * ]]
	[ "$("$plugin/cron-entries")" = "$output" ]
	[ "$("$plugin/bin/letsencrypt-hook" --schedule cron.d)" = "${output%% *}" ]
	[ "$("$plugin/cron-entries" docker-local)" = "$output" ]
	[ -z "$("$plugin/cron-entries" k3s)" ]
	[ -z "$("$plugin/cron-entries" null)" ]
	touch "$data/--global/no-schedule"
	[ -z "$("$plugin/cron-entries" docker-local)" ]
	rm -r "$data"
	run "$plugin/cron-entries" docker-local
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run "$plugin/bin/letsencrypt-hook" --schedule cron.d
	[ "$status" -eq 1 ]
}

@test "a schedule that has stopped costs a hook one file, and is told once a day" {
	use_hook
	date +%s >"$BATS_TEST_TMPDIR/clock"
	export LETSENCRYPT_TEST_CLOCK=$BATS_TEST_TMPDIR/clock
	now=$(date +%s)
	echo "7 $((now - 86400)) cron.d" >"$data/--global/schedule"
	echo "$((now - 60)) $((now - 60)) 0 cron-entries" >"$data/--global/last-run"
	ASAN_OPTIONS=detect_leaks=0 run strace -f -qq -e trace=openat -o "$BATS_TEST_TMPDIR/trace" "$plugin/post-domains-update" blog remove
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(grep -cE '"(schedule|no-schedule|forgotten-told)"' "$BATS_TEST_TMPDIR/trace")" = 0 ]
	[ "$(grep -c '"last-run"' "$BATS_TEST_TMPDIR/trace")" = 1 ]
	echo "$((now - 8000)) $((now - 8000)) 0 cron-entries" >"$data/--global/last-run"
	run "$plugin/post-domains-update" blog remove
	[ "$status" -eq 0 ]
	[[ $output == *'The schedule does not run'*/var/log/dokku/letsencrypt.log ]]
	run "$plugin/post-domains-update" blog remove
	[ -z "$output" ]
	echo $((now - 86500)) >"$data/--global/forgotten-told"
	run "$plugin/post-domains-update" blog remove
	[[ $output == *'The schedule does not run'* ]]
}

@test "post-domains-update asks for enable when names were added or set" {
	use_hook
	for action in add set; do
		run "$plugin/post-domains-update" blog "$action" a.example.com
		[ "$status" -eq 0 ]
		[ "$output" = ' !     Please run dokku letsencrypt:enable to add https support to the new domain' ]
	done
	for action in remove clear ''; do
		run "$plugin/post-domains-update" blog $action
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
	run "$plugin/post-domains-update"
	[ "$status" -eq 0 ]
}

@test "post-delete removes what belongs to the app, and only that" {
	use_hook
	config=$DOKKU_LIB_ROOT/config/letsencrypt
	for app in blog blog2; do
		mkdir -p "$config/$app" "$data/$app/.well-known/acme-challenge" "$data/--global/state" "$DOKKU_ROOT/$app/tls"
		touch "$config/$app/email" "$data/--global/state/$app"
	done
	mkdir -p "$config/--global"
	run "$plugin/post-delete" blog latest
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -e "$config/blog" ]
	[ ! -e "$data/blog" ]
	[ ! -e "$data/--global/state/blog" ]
	[ -e "$config/blog2/email" ]
	[ -d "$data/blog2" ]
	[ -e "$data/--global/state/blog2" ]
	[ -d "$DOKKU_ROOT/blog/tls" ]
	for name in '' --global .. ../config /; do
		run "$plugin/post-delete" "$name" latest
		[ "$status" -eq 0 ]
		[ -d "$config/--global" ]
		[ -d "$data/--global" ]
	done
	# Without any state there is nothing to do.
	rm -rf "$DOKKU_LIB_ROOT/config" "$DOKKU_LIB_ROOT/data"
	run "$plugin/post-delete" blog2 latest
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "the hook program by itself explains itself" {
	run "$TEST_PROGRAMS/letsencrypt-hook"
	[ "$status" -eq 1 ]
	[[ $output == *--triggers* ]]
}

# ---- the real tree ----

@test "the real tree installs; the second time takes under a second" {
	rm -rf "$plugin"
	mkdir "$plugin"
	(cd "$source" && tar -cf - --exclude=./build --exclude=./bin --exclude=./.git --exclude=./tests .) | tar -xf - -C "$plugin"
	redirect "$plugin"
	unset DOKKU_SYSTEM_USER
	rm "$stubs"/dpkg*
	run "$plugin/install"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $("$plugin/bin/letsencrypt" version) == *"$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/plugin.toml")"* ]]
	[ -s "$plugin/bin/libraries" ]
	grep -q libssl "$plugin/bin/packages"
	run timeout 1 "$plugin/install"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -x "$plugin/cron-entries" ]
	[ -x "$plugin/subcommands/auto-renew" ]
	run "$plugin/subcommands/version" letsencrypt:version
	[ "$status" -eq 0 ]
}
