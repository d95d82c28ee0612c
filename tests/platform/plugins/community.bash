# SPDX-License-Identifier: MIT
#
# What these community plugins share, each the behaviour of a real one in small. They change nginx as those do: a file in the app's nginx.conf.d, a
# test, a reload. In each file a function `trigger:X` is the hook X, `command:X` the subcommand X, as in root/core/.
# shellcheck shell=bash source=/dev/null

. "$HOST/lib/core.bash"

reload_nginx() {
	if ! sudo nginx -t >/dev/null 2>&1; then
		sudo nginx -t
		return 1
	fi
	sudo systemctl reload nginx
}
