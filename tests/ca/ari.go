// SPDX-License-Identifier: MIT

package main

import (
	"crypto/x509"
	"encoding/base64"
	"time"
)

const (
	shortLife   = 10 * 24 * time.Hour
	ariInterval = 6 * time.Hour
)

type window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func (w window) isOpen(now time.Time) bool { return !now.Before(w.Start) && now.Before(w.End) }

// suggestedWindow: issued is the CA's clock when it stored the certificate, not notBefore.
func suggestedWindow(issued, notAfter time.Time) window {
	validity := notAfter.Add(time.Second).Sub(issued)
	before := validity / 3
	if validity < shortLife {
		before = validity / 2
	}
	ideal, margin := notAfter.Add(-before), validity/100
	return window{ideal.Add(-margin).Truncate(time.Second), ideal.Add(margin).Truncate(time.Second)}
}

// pastWindow is that of a revoked certificate.
func pastWindow(now time.Time) window {
	return window{now.Add(-time.Hour).Truncate(time.Second), now.Add(-30 * time.Minute).Truncate(time.Second)}
}

// certificateID is what renewal information is asked by.
func certificateID(leaf *x509.Certificate) string {
	serial := leaf.SerialNumber.Bytes()
	if len(serial) > 0 && serial[0] >= 0x80 {
		serial = append([]byte{0}, serial...) // as in DER
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}
