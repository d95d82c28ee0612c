#!/bin/sh
# Names that others rely on: exactly one thing is called "commands" (the platform executes every one that it finds, in .git too), the programs that it
# starts can be started, and the table of hooks, the files in hooks/ and .gitignore agree.
set -eu
cd "$(dirname "$0")/../.."
status=0
wrong() {
	echo "$1"
	status=1
}

found=$(find -L . -name commands -not -path './build/*')
[ "$found" = ./commands ] || wrong "only ./commands may have that name, found: $(echo "$found" | tr '\n' ' ')"
for program in commands install update uninstall dependencies .ci/run tests/prepare tests/run-one tests/summary tests/check/*.sh; do
	if [ ! -f "$program" ] || [ -L "$program" ] || [ ! -x "$program" ]; then
		wrong "$program: not an executable regular file"
	fi
done

rows=$(sed -n 's/^\t{ "\([a-z-]*\)", hook_.*/\1/p' hooks/table.c)
[ -n "$rows" ] || wrong 'hooks/table.c: no rows found'
for trigger in $rows; do
	[ -f "hooks/$trigger.c" ] || wrong "hooks/table.c has a row for $trigger, but hooks/$trigger.c is missing"
	if [ -e .git ] && ! git check-ignore -q "$trigger"; then
		wrong ".gitignore does not have /$trigger, the link that install makes"
	fi
done
for file in hooks/*.c; do
	trigger=$(basename "$file" .c)
	case $trigger in
	main | table | program | app | engine | follow) ;;
	*) echo "$rows" | grep -qx -- "$trigger" || wrong "$file: no row of that name in hooks/table.c" ;;
	esac
done

for template in $(grep -rhoE '"templates/[A-Za-z0-9._/-]+"' plugin hooks 2>/dev/null | tr -d '"' | sort -u); do
	[ -e "$template" ] || wrong "$template is named in the code but does not exist"
done
exit $status
