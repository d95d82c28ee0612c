#!/bin/sh
# unused.sh FOLDER: what no other object calls (unit tests count) must be static, or go. FOLDER holds objects of the whole tree.
set -eu
cd "$(dirname "$0")/../.."
folder=$1
objects=$(find "$folder" -name '*.o' | while read -r object; do
	source=${object#"$folder"/}
	[ ! -f "${source%.o}.c" ] || echo "$object"
done)
# shellcheck disable=SC2086 # a list of paths without blanks
{
	nm -Au $objects
	nm -Ag --defined-only $objects
} | awk -v folder="$folder/" '
	{ sub(/:.*/, "", $1) }
	$(NF - 1) == "U" { called[$NF] = 1; next }
	$1 !~ /\/tests\// && $NF != "main" { where[$NF] = $1 }
	END {
		for (symbol in where)
			if (!(symbol in called)) {
				sub(folder, "", where[symbol])
				print where[symbol] ": nobody else uses " symbol
				wrong = 1
			}
		exit wrong
	}
'
