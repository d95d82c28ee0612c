# SPDX-License-Identifier: MIT
#
# Functions of the end-to-end tests that tell the whole story of a certificate: what the CA was asked, what lies on disk, what is served.
# shellcheck shell=bash disable=SC2154

# shellcheck source=/dev/null
. "${BATS_TEST_DIRNAME}/core.bash"

# COUNT apps with nginx.conf and without certificates: PREFIX1 …
story_apps() { # COUNT [PREFIX]
	host_apps "$1" "${2:-app}"
	host_rebuild
}

# ---- the CA ----

ca_count() { # PATTERN: lines in its log
	grep -c "$1" "$HOST/log/pebble"
	return 0
}

ca_orders() { ca_count 'POST /order-plz -> calling'; }
ca_issued() { ca_count 'Issued certificate serial'; }
ca_accounts() { ca_count 'POST /sign-me-up -> calling'; }

# ---- certificates ----

leaf_in() { # FILE
	openssl x509 -in "$1" -noout -fingerprint -sha256 2>/dev/null
}

leaf_served() { # NAME
	host_served "$1" | openssl x509 -noout -fingerprint -sha256 2>/dev/null
}

tls_folder() { echo "$HOST_ROOT_FOLDER/$1/tls"; }

# Key and certificate belong together. CRT KEY
pair_fits() {
	local certificate key
	certificate=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) && key=$(openssl pkey -in "$2" -pubout 2>/dev/null) && [[ $certificate == "$key" ]]
}

# No tls/ at all, or a whole one.
tls_is_whole() { # APP
	local tls
	tls=$(tls_folder "$1")
	if [[ ! -e $tls ]]; then return; fi
	pair_fits "$tls/server.crt" "$tls/server.key"
}

# What nginx shows for the app's name is what lies in its tls/.
is_served() { # APP NAME
	local leaf
	leaf=$(leaf_in "$(tls_folder "$1")/server.crt")
	[[ $leaf && $(leaf_served "$2") == "$leaf" ]]
}

# ---- what must not stay ----

# Staged folders, temporary files, keys of orders, token files of APP and of what all apps share; copies of this host's nginx configuration.
leftovers() { # APP
	local data=$HOST_DATA_FOLDER
	find "$HOST_ROOT_FOLDER/$1" "$HOST_LIB_FOLDER/config/letsencrypt" "$data/--global" -name build -prune -o -name '.*' -mindepth 1 \
		! -name '.issued-*' -print
	if [[ -d $data/$1 ]]; then find "$data/$1" -type f; fi
	grep -rlsF "$HOST/" /tmp/letsencrypt-nginx.*/ | cut -d / -f 1-3 | sort -u
	return 0
}

# ---- the store ----

# One value of a copy of the store, so that nobody's locks and files are touched.
store_value() { # SQL
	local copy status=0
	copy=$(mktemp -d)
	cp "$HOST_DATA_FOLDER"/--global/letsencrypt.db* "$copy/" 2>/dev/null && sqlite3 "$copy/letsencrypt.db" "$1" || status=$?
	rm -rf "$copy"
	return "$status"
}
