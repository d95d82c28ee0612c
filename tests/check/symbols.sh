#!/bin/sh
# symbols.sh FOLDER: which object may call which function of a library, by symbols.txt. FOLDER holds objects in which nothing was inlined.
set -eu
cd "$(dirname "$0")/../.."
folder=$1
objects=$(find "$folder/plugin" "$folder/hooks" -name '*.o' | while read -r object; do
	source=${object#"$folder"/}
	[ ! -f "${source%.o}.c" ] || echo "$object"
done)
# shellcheck disable=SC2086 # a list of paths without blanks
{
	nm -Ag --defined-only $objects | awk '{ sub(/:.*/, "", $1); print "ours", $1, $NF }'
	nm -Au $objects | awk '{ sub(/:.*/, "", $1); print "calls", $1, $NF }'
} | awk -v folder="$folder/" '
	function expression(glob) {
		gsub(/[.]/, "[.]", glob)
		gsub(/[*]/, ".*", glob)
		return "^" glob "$"
	}
	function is_one_of(text, globs,    count, i, glob) {
		count = split(globs, glob, " ")
		for (i = 1; i <= count; i++)
			if (text ~ expression(glob[i]))
				return 1
		return 0
	}
	FILENAME != "-" {
		sub(/#.*/, "")
		if (split($0, half, ":") == 2) {
			rule_symbols[++rules] = half[1]
			rule_places[rules] = half[2]
		}
		next
	}
	$1 == "ours" { ours[$3] = 1; next }
	!($3 in ours) {
		place = $2
		sub(folder, "", place)
		sub(/^plugin\//, "", place)
		sub(/[.]o$/, "", place)
		symbol = $3
		sub(/@.*/, "", symbol)
		sub(/^__isoc(99|23)_/, "", symbol)
		for (i = 1; i <= rules && !is_one_of(symbol, rule_symbols[i]); i++)
			;
		if (i <= rules && !is_one_of(place, rule_places[i])) {
			printf "%s calls %s, which belongs to:%s\n", place, symbol, rule_places[i] ~ /[^ ]/ ? rule_places[i] : " nobody"
			wrong = 1
		}
	}
	END { exit wrong }
' tests/check/symbols.txt -
