#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# A host that issued before there was a book: what install hands over of certbot's, and what the book is begun with. No CA is asked.

# shellcheck disable=SC2034,SC2154 # bats sets output and status; host_run takes HOST_WRAPPER
bats_require_minimum_version 1.5.0

# Seconds in which a unit of a registered domain, and one of an exact set, comes back.
DOMAIN_UNIT=12096
SET_UNIT=120960

setup_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	export HOST
	host_create && host_install_plugin && make_issuer production "Let's Encrypt" && make_issuer staging "(STAGING) Let's Encrypt" &&
		make_issuer other "Another CA"
}

teardown_file() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	host_destroy
}

setup() {
	# shellcheck source=/dev/null
	. "$BATS_TEST_DIRNAME/story.bash"
	host_use "$HOST"
	certbot=$HOST/etc/letsencrypt
	found=$HOST_DATA_FOLDER/--global/found.json
	rm -rf "$certbot"
}

# ---- certificates ----

make_issuer() { # NAME ORGANIZATION
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/C=US/O=$2/CN=R11" -keyout "$HOST/tmp/$1.key" \
		-out "$HOST/tmp/$1.pem" 2>/dev/null
}

# issue ISSUER FILE NAME...: a certificate from now on
issue() {
	local issuer=$HOST/tmp/$1 file=$2 names
	shift 2
	names=$(printf ',DNS:%s' "$@")
	mkdir -p "${file%/*}"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$HOST/tmp/leaf.key" -out "$HOST/tmp/leaf.csr" 2>/dev/null
	openssl x509 -req -in "$HOST/tmp/leaf.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial -days 90 -out "$file" \
		-extfile <(echo "subjectAltName=${names#,}") 2>/dev/null
}

# lineage NAME NUMBER: as certbot has it, with so many certificates of which the last is in use
lineage() {
	local number
	mkdir -p "$certbot/live/$1"
	for ((number = 1; number <= $2; number++)); do
		issue production "$certbot/archive/$1/cert$number.pem" "$1"
		cp "$HOST/tmp/leaf.key" "$certbot/archive/$1/privkey$number.pem"
	done
	ln -s "../../archive/$1/cert$2.pem" "$certbot/live/$1/cert.pem"
	ln -s "../../archive/$1/privkey$2.pem" "$certbot/live/$1/privkey.pem"
	chmod 700 "$certbot/live" "$certbot/archive"
}

# app APP: its folder, without going through the commands
app() { mkdir -p "$HOST_ROOT_FOLDER/$1/tls"; }

own() { if ((HOST_ROOT)); then chown -R "$HOST_USER:$HOST_GROUP" "$HOST_ROOT_FOLDER"; fi; }

not_before() { date -d "$(openssl x509 -in "$1" -noout -startdate | cut -d = -f 2)" +%s; }

install_again() { host_run plugin:install; }

# ---- the book ----

# "LIMIT BUCKET" of a CA, each with the second at which it is full
buckets() { # CA
	store_value "SELECT limit_name || ' ' || bucket || ' ' || (tat_ns / 1000000000) FROM buckets WHERE ca = '${1//\'/\'\'}' AND limit_name LIKE 'Certificates%' \
		ORDER BY limit_name, bucket"
}

booked() { store_value "SELECT ca || ' ' || count(*) FROM booked GROUP BY ca ORDER BY ca"; }

# ---- tests ----

@test "install hands over what certbot has: names, issuer and dates, no key" {
	lineage a.example.com 2
	HOST_WRAPPER=(strace -f -qq -e 'trace=open,openat,openat2' -o "$HOST/tmp/strace")
	run -0 install_again
	HOST_WRAPPER=()
	grep -q 'archive/a.example.com", .*O_DIRECTORY' "$HOST/tmp/strace"
	grep -q '"cert2.pem", ' "$HOST/tmp/strace"
	run -1 grep privkey "$HOST/tmp/strace"
	[[ $(stat -c '%a %U:%G' "$found") == "640 $HOST_USER:$HOST_GROUP" ]]
	[[ $(jq -r '.certificates | length' "$found") == 2 ]]
	[[ $(jq -r '.certificates[0] | [.serial, .names[0], .issuer, ."issuer-organization", ."not-before"] | join(" ")' "$found") == \
		"$(openssl x509 -in "$certbot/live/a.example.com/cert.pem" -noout -serial | cut -d = -f 2 | tr A-F a-f) a.example.com CN=R11, O=Let's Encrypt, C=US Let's Encrypt $(not_before "$certbot/live/a.example.com/cert.pem")" ]]
}

@test "install says what it cannot read, goes on, and changes nothing the second time" {
	local before
	lineage b.example.com 1
	echo nonsense >"$certbot/archive/b.example.com/cert2.pem"
	run -0 install_again
	shows " !     '$certbot/archive/b.example.com/cert2.pem' is left out of the budget: there is no certificate in PEM form in it"
	[[ $(jq -r '.certificates[].names[0]' "$found") == b.example.com ]]
	before=$(stat -c '%i %Y' "$found")
	run -0 install_again
	[[ $(stat -c '%i %Y' "$found") == "$before" ]]
	# What was handed over stays, when certbot goes: the CA has not forgotten it.
	rm -rf "$certbot"
	run -0 install_again
	shows_not "$certbot"
	[[ $(stat -c '%i %Y' "$found") == "$before" ]]
}

@test "the book begins with the certificates that exist, each once and at the CA that issued it; rebuilding it gives the same" {
	local old=$HOST_ROOT_FOLDER/shop/letsencrypt/certs/0123456789/certificates begun at
	app blog && app shop && app hand
	issue production "$HOST_ROOT_FOLDER/blog/tls/server.crt" blog.example.com
	cat "$HOST/tmp/production.pem" >>"$HOST_ROOT_FOLDER/blog/tls/server.crt"
	issue production "$old/shop.example.com.crt" shop.example.com
	cp "$old/shop.example.com.crt" "$HOST_ROOT_FOLDER/shop/tls/server.crt"
	cp "$HOST/tmp/production.pem" "$old/shop.example.com.issuer.crt"
	ln -s "${old%/*}" "${old%/*/*}/current"
	issue staging "$HOST_ROOT_FOLDER/shop/letsencrypt/certs/abcdef/certificates/shop.example.com.crt" shop.example.com
	issue other "$HOST_ROOT_FOLDER/hand/tls/server.crt" hand.example.com
	own
	lineage www.example.org 3
	run -0 install_again
	rm -f "$HOST_DATA_FOLDER"/--global/letsencrypt.db*
	run -0 host_run letsencrypt:budget
	# Production is what apps use; the other CA's book is begun when somebody asks for it.
	[[ $(booked) == *"Let's Encrypt 5"* ]]
	begun=$(buckets "Let's Encrypt")
	at=$(not_before "$HOST_ROOT_FOLDER/blog/tls/server.crt")
	[[ $(grep -c CertificatesPerDomain <<<"$begun") == 2 ]]
	grep -qE "^CertificatesPerDomain example.com $(near $((at + 3600 + 2 * DOMAIN_UNIT)))$" <<<"$begun"
	# Three times the same set: one unit of its domain, three of its own.
	grep -qE "^CertificatesPerDomain example.org $(near $((at + 3600 + DOMAIN_UNIT)))$" <<<"$begun"
	grep -qE "^CertificatesPerFQDNSet [0-9a-f]{64} $(near $((at + 3600 + 3 * SET_UNIT)))$" <<<"$begun"
	run -0 host_run letsencrypt:budget --rebuild
	shows "Counted anew: 6 certificates"
	[[ $(buckets "Let's Encrypt") == "$begun" ]]
	[[ $(booked) == "Let's Encrypt 5"$'\n'"Let's Encrypt (staging) 1" ]]
	run -0 host_run letsencrypt:budget --rebuild
	[[ $(buckets "Let's Encrypt") == "$begun" ]]
	[[ $(booked) == "Let's Encrypt 5"$'\n'"Let's Encrypt (staging) 1" ]]
}

# near SECOND: it or one of the few after it, as certificates are made one after the other; for grep -E
near() {
	local number all=$1
	for ((number = 1; number <= 10; number++)); do all+="|$(($1 + number))"; done
	echo "($all)"
}
