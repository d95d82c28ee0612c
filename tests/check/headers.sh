#!/bin/sh
# headers.sh COMPILER FLAG...: each header compiles alone and is guarded by its own name.
set -eu
cd "$(dirname "$0")/../.."
status=0
for header in plugin/*/*.h hooks/*.h; do
	"$@" -fsyntax-only -x c -include "$header" /dev/null || {
		echo "$header: does not compile alone"
		status=1
	}
	guard=$(printf '%s' "${header#plugin/}" | tr 'a-z/.-' 'A-Z___')
	grep -q "^#ifndef $guard\$" "$header" || {
		echo "$header: its include guard is not $guard"
		status=1
	}
done
exit $status
