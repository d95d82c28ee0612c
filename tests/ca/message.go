// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"strings"
	"time"
)

const limitsURL = "https://letsencrypt.org/docs/rate-limits"

var limitAnchors = [limitCount]string{
	"new-registrations-per-ip-address", "new-registrations-per-ipv6-range", "new-orders-per-account",
	"authorization-failures-per-identifier-per-account", "new-certificates-per-registered-domain", "new-certificates-per-registered-domain",
	"new-certificates-per-exact-set-of-identifiers", "",
}

// message is the CA's sentence for a denial, with the moment from which it may be tried again.
func (d *denial) message(retryAt time.Time) string {
	// Of an IPv6 address only what follows the last colon: so does the CA.
	quoted := d.key[strings.LastIndex(d.key, ":")+1:]
	var what string
	switch d.limit {
	case registrationsPerAddress:
		what = fmt.Sprintf("too many new registrations (%d) from this IP address", d.burst)
	case registrationsPerRange:
		what = fmt.Sprintf("too many new registrations (%d) from this /48 subnet of IPv6 addresses", d.burst)
	case ordersPerAccount:
		what = fmt.Sprintf("too many new orders (%d) from this account", d.burst)
	case failuresPerName:
		what = fmt.Sprintf("too many failed authorizations (%d) for %q", d.burst, quoted)
	case certificatesPerDomain, certificatesPerDomainPerAccount:
		what = fmt.Sprintf("too many certificates (%d) already issued for %q", d.burst, quoted)
	case certificatesPerSet:
		what = fmt.Sprintf("too many certificates (%d) already issued for this exact set of identifiers", d.burst)
	}
	return fmt.Sprintf("%s in the last %s, retry after %s: see %s/#%s", what, d.period, retryAt.UTC().Format("2006-01-02 15:04:05 MST"), limitsURL, limitAnchors[d.limit])
}

// pausedMessage ends where the link begins.
func pausedMessage(names []string) string {
	return fmt.Sprintf("Your account is temporarily prevented from requesting certificates for %s and possibly others. Please visit: ", strings.Join(names, ", "))
}
