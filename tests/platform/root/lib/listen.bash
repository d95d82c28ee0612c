# SPDX-License-Identifier: MIT
#
# Where a port of a port map is really served: 80 and 443 on the host's two ports, every other on one of its spare ports, the same each time.
# shellcheck shell=bash

host_port() { # PORT, sets REPLY
	local port taken=0
	while read -r port REPLY; do
		if [[ $port == "$1" ]]; then return; fi
		if ((REPLY >= HOST_SPARE_PORT)); then taken=$((taken + 1)); fi
	done <"$HOST/run/ports"
	if ((taken >= HOST_SPARE_PORTS)); then
		echo "platform: all $HOST_SPARE_PORTS spare ports of this host are mapped" >&2
		return 1
	fi
	REPLY=$((HOST_SPARE_PORT + taken))
	printf '%s %s\n' "$1" "$REPLY" >>"$HOST/run/ports"
}
