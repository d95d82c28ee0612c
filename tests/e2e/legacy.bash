# SPDX-License-Identifier: MIT
# A host as the bash plugin leaves it, laid out from the contract (11) and from nothing of ours; and that plugin's reading rules, in a form of their own.
# shellcheck shell=bash disable=SC2154

# shellcheck source=/dev/null
. "${BATS_TEST_DIRNAME}/story.bash"

LEGACY_EMAIL=a@example.test
LEGACY_SERVER=https://acme-v02.api.letsencrypt.org/directory

# ---- certificates ----

legacy_make_issuer() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 300 -subj "/C=US/O=Let's Encrypt/CN=R11" -keyout "$HOST/tmp/issuer.key" \
		-out "$HOST/tmp/issuer.pem" 2>/dev/null
}

# legacy_issue KIND DAYS NAME...: $HOST/tmp/leaf.crt (with its issuer) and leaf.key, as lego writes them; KIND ec or rsa
legacy_issue() {
	local kind=$1 days=$2 names options=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
	shift 2
	names=$(printf ',DNS:%s' "$@")
	if [[ $kind == rsa ]]; then options=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048); fi
	openssl genpkey "${options[@]}" 2>/dev/null | openssl pkey -traditional -out "$HOST/tmp/leaf.key"
	openssl req -new -key "$HOST/tmp/leaf.key" -subj "/CN=$1" -out "$HOST/tmp/leaf.csr"
	openssl x509 -req -in "$HOST/tmp/leaf.csr" -CA "$HOST/tmp/issuer.pem" -CAkey "$HOST/tmp/issuer.key" -CAcreateserial -days "$days" -out "$HOST/tmp/leaf.crt" \
		-extfile <(echo "subjectAltName=${names#,}") 2>/dev/null
	# With the empty line that Let's Encrypt sends.
	printf '\n%s\n' "$(<"$HOST/tmp/issuer.pem")" >>"$HOST/tmp/leaf.crt"
}

# ---- files of an app ----

legacy_folder() { echo "$HOST_ROOT_FOLDER/$1/letsencrypt/certs"; }

# legacy_app APP DOMAIN...
legacy_app() {
	local app=$1
	shift
	mkdir -p "$HOST_ROOT_FOLDER/$app" "$HOST_DATA_FOLDER/$app/.well-known/acme-challenge"
	if (($#)); then printf '%s\n' "$@" >"$HOST_ROOT_FOLDER/$app/VHOST"; fi
}

# The app's first domain that is not "_": sets REPLY, empty when there is none.
legacy_first_domain() { # APP
	local line
	REPLY=
	while IFS= read -r line && [[ -z $REPLY ]]; do
		if [[ $line != _ ]]; then REPLY=$line; fi
	done < <(cat "$HOST_ROOT_FOLDER/$1/VHOST" 2>/dev/null)
}

# legacy_config APP SERVER EMAIL [ARGS]: the line that lego was called with
legacy_config() {
	local line="--http --http.webroot /webroot --pem --accept-tos --cert.timeout 30 --path /certs --server $2 --email $3 ${4:-} " name
	while IFS= read -r name; do
		if [[ $name != _ ]]; then line+=" --domains $name"; fi
	done <"$HOST_ROOT_FOLDER/$1/VHOST"
	printf '%s' "$line"
}

legacy_id() { printf '%s %s\n' "$1" "" | sha1sum | cut -d ' ' -f 1; } # CONFIG

# legacy_place APP [SERVER [EMAIL [ARGS]]]: the certificate of legacy_issue in a folder of its own, and `current` on it
legacy_place() {
	local config id certs name
	config=$(legacy_config "$1" "${2:-$LEGACY_SERVER}" "${3:-$LEGACY_EMAIL}" "${4:-}")
	id=$(legacy_id "$config")
	certs=$(legacy_folder "$1")
	legacy_first_domain "$1"
	name=$certs/$id/certificates/${REPLY/\*/_}
	mkdir -p "$certs/$id/certificates"
	chmod 700 "$certs/$id/certificates"
	printf '%s\n' "$config" >"$certs/$id/config"
	printf '\n' >"$certs/$id/docker_options"
	: >"$certs/$id/docker.env"
	chmod 755 "$certs/$id/docker.env"
	cp "$HOST/tmp/leaf.crt" "$name.crt"
	cp "$HOST/tmp/leaf.key" "$name.key"
	cat "$HOST/tmp/leaf.crt" "$HOST/tmp/leaf.key" >"$name.pem"
	cp "$HOST/tmp/issuer.pem" "$name.issuer.crt"
	chmod 600 "$name".*
	ln -sfn "$certs/$id" "$certs/current"
}

# legacy_install APP: the certificate of legacy_issue in its tls/
legacy_install() {
	local tls=$HOST_ROOT_FOLDER/$1/tls
	mkdir -p "$tls"
	chmod 750 "$tls"
	cp "$HOST/tmp/leaf.crt" "$tls/server.crt"
	cp "$HOST/tmp/leaf.crt" "$tls/server.letsencrypt.crt"
	cp "$HOST/tmp/leaf.key" "$tls/server.key"
	chmod 600 "$tls"/*.crt
	chmod 640 "$tls/server.key"
}

# legacy_active APP KIND DAYS NAME...
legacy_active() {
	legacy_issue "${@:2}"
	legacy_place "$1"
	legacy_install "$1"
}

# legacy_account FOLDER SERVER EMAIL KIND NUMBER: FOLDER/<server>/<e-mail>, as lego has it
legacy_account() {
	local account=$1/$2/$3 options=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
	if [[ $4 == rsa ]]; then options=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048); fi
	mkdir -p "$account/keys"
	chmod 700 "$1/$2" "$account" "$account/keys"
	openssl genpkey "${options[@]}" 2>/dev/null | openssl pkey -traditional -out "$account/keys/$3.key"
	chmod 644 "$account/keys/$3.key"
	jq -n --tab --arg email "$3" --arg uri "https://$2/acme/acct/$5" \
		'{email: $email, registration: {body: {status: "valid", contact: ["mailto:" + $email]}, uri: $uri}}' >"$account/account.json"
	chmod 600 "$account/account.json"
}

legacy_property() { # APP|--global KEY VALUE
	local folder=$HOST_LIB_FOLDER/config/letsencrypt/$1
	mkdir -p "$folder"
	printf '%s' "$3" >"$folder/$2"
	chmod 600 "$folder/$2"
}

legacy_own() { if ((HOST_ROOT)); then chown -R "$HOST_USER:$HOST_GROUP" "$HOST_ROOT_FOLDER" "$HOST_LIB_FOLDER/config" "$HOST_DATA_FOLDER"; fi; }

# ---- how the bash plugin reads it ----

legacy_sum() { sha1sum <"$1" | cut -d ' ' -f 1; } # FILE

# legacy_is_active APP: sets REPLY to the file that says until when
legacy_is_active() {
	local tls=$HOST_ROOT_FOLDER/$1/tls current=$HOST_ROOT_FOLDER/$1/letsencrypt/certs/current installed name got
	[[ -f $tls/server.crt && -f $tls/server.key ]] || return 1
	installed=$tls/server.letsencrypt.crt
	if [[ ! -f $installed ]]; then installed=$tls/server.crt; fi
	legacy_first_domain "$1"
	name=$current/certificates/${REPLY/\*/_}
	got=$current/fullchain.pem
	if [[ -f $name.pem ]]; then got=$name.crt; fi
	[[ -f $got && $(legacy_sum "$installed") == "$(legacy_sum "$got")" ]] || return 1
	REPLY=$installed
}

# "APP YYYY-MM-DD HH:MM:SS" of each active app, soonest first
legacy_list() {
	local folder app end
	for folder in "$HOST_ROOT_FOLDER"/*/; do
		app=$(basename "$folder")
		if legacy_is_active "$app"; then
			end=$(openssl x509 -in "$REPLY" -noout -enddate)
			echo "$app $(date -d "${end#*=}" '+%Y-%m-%d %H:%M:%S')"
		fi
	done | sort -k 2,3 -k 1,1
}
