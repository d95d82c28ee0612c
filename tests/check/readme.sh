#!/bin/sh
# README.md and the code agree: each command with its usage, and each property, has a row in the README's tables, and each row is there in the code.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# The rows of verbs[] that have a help text: "letsencrypt:enable <app>... | --all [--force]".
commands_of_code() {
	sed -n 's/^\t{ "\([a-z-]*\)", "\([^"]*\)", ".*/letsencrypt:\1 \2/p' plugin/cli/verbs.c | sed 's/ $//'
}

properties_of_code() {
	sed -n '/^static const struct property properties\[\]/,/^};/s/^\t{ \("[^,]*\|VARIABLE_PREFIX "\*"\), .*/\1/p' plugin/flow/property.c |
		sed 's/VARIABLE_PREFIX "/dns-provider-/; s/"//g'
}

# What stands in backquotes at the start of the rows of a section: rows HEADING.
rows() {
	awk -F '`' -v heading="## $1" '/^## / { is_inside = $0 == heading } is_inside && /^\| `/ { gsub(/\\\|/, "|", $2); print $2 }' README.md
}

# compare WHAT: the lists $work/code and $work/readme
compare() {
	for list in code readme; do
		if [ ! -s "$work/$list" ]; then
			echo "no $1 found in the $list"
			status=1
		fi
		sort -o "$work/$list" "$work/$list"
	done
	comm -23 "$work/code" "$work/readme" | sed "s/^/README.md has no row for the $1: /" >"$work/wrong"
	comm -13 "$work/code" "$work/readme" | sed "s/^/README.md has a row for the $1, but the code does not: /" >>"$work/wrong"
	[ -s "$work/wrong" ] || return 0
	cat "$work/wrong"
	status=1
}

commands_of_code >"$work/code"
rows Commands >"$work/readme"
compare command
properties_of_code >"$work/code"
rows Properties >"$work/readme"
compare property
exit $status
