# SPDX-License-Identifier: MIT
#
# Blocks of TCP and UDP ports for hosts that run side by side. A block is reserved by a folder that only one process can make, which names the host;
# the block of a host whose folder is gone is free again. The range lies below that of outgoing connections.
# shellcheck shell=bash

PORT_FIRST=20000
PORT_BLOCK=24
PORT_BLOCKS=520

ports_registry() { REPLY=${PLATFORM_PORTS:-${TMPDIR:-/tmp}/platform-ports}; }

# Sets the array `used` to the local ports of this machine, in hexadecimal.
ports_used() {
	local address file
	used=()
	for file in /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; do
		if [[ ! -r $file ]]; then continue; fi
		while read -r _ address _; do used[0x${address##*:}]=1; done < <(tail -n +2 "$file")
	done
}

# Fails when the block belongs to a host that still exists.
ports_claim() { # BLOCK_FOLDER HOST
	local owner
	if ! mkdir "$1" 2>/dev/null; then
		if [[ ! -s $1/host ]]; then return 1; fi
		owner=$(<"$1/host")
		if [[ -d $owner ]]; then return 1; fi
		mv -T "$1" "$1.stale.$BASHPID" 2>/dev/null || return 1
		rm -rf "$1.stale.$BASHPID"
		mkdir "$1" 2>/dev/null || return 1
	fi
	printf '%s\n' "$2" >"$1/host"
}

# Reserves a block for the host and sets REPLY to its first port.
ports_reserve() { # HOST
	local registry block offset first used=()
	ports_registry
	registry=$REPLY
	mkdir "$registry" 2>/dev/null && chmod 1777 "$registry"
	ports_used
	block=$((RANDOM % PORT_BLOCKS))
	for ((tries = 0; tries < PORT_BLOCKS; tries++, block = (block + 1) % PORT_BLOCKS)); do
		first=$((PORT_FIRST + block * PORT_BLOCK))
		for ((offset = 0; offset < PORT_BLOCK; offset++)); do
			if [[ ${used[first + offset]:-} ]]; then continue 2; fi
		done
		if ports_claim "$registry/$first" "$1"; then
			REPLY=$first
			return
		fi
	done
	echo "platform: no free block of $PORT_BLOCK ports" >&2
	return 1
}

ports_release() { # FIRST
	ports_registry
	rm -rf "${REPLY:?}/${1:?}"
}
