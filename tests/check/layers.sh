#!/bin/sh
# A folder is a layer: it includes itself and the folders that its row in layers.txt names, nothing else.
set -eu
cd "$(dirname "$0")/../.."
grep -Hn '^#[[:space:]]*include[[:space:]]*"' plugin/*/*.[ch] hooks/*.[ch] | awk '
	FILENAME != "-" {
		sub(/#.*/, "")
		count = split($0, word, /[: ]+/)
		for (i = 1; i <= count; i++)
			may[word[1], word[i]] = 1
		next
	}
	{
		split($0, part, ":")
		folder = part[1]
		sub(/^plugin\//, "", folder)
		sub(/\/.*/, "", folder)
		split($0, quoted, "\"")
		from = quoted[2]
		sub(/\/.*/, "", from)
		if (!((folder, from) in may)) {
			printf "%s:%s: %s/ may not include \"%s\" (tests/check/layers.txt)\n", part[1], part[2], folder, quoted[2]
			wrong = 1
		}
	}
	END { exit wrong }
' tests/check/layers.txt -
