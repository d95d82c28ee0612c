// SPDX-License-Identifier: MIT

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// redateAfter: a certificate whose dates differ by more from the CA's clock is signed anew with dates that fit.
const redateAfter = time.Minute

// authority signs what carries other dates than Pebble's. Its intermediate certificate takes over the key identifier of Pebble's, so that the id by
// which renewal information is asked, and a replacement announced, stays the same.
type authority struct {
	key          *ecdsa.PrivateKey
	root         *x509.Certificate
	intermediate *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key}
	a.root, err = a.sign("relay root", nil, nil)
	return a, err
}

// sign makes a certificate of a CA, valid for all the times that a clock may show.
func (a *authority) sign(name string, issuer *x509.Certificate, keyID []byte) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"relay"}}, SubjectKeyId: keyID,
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: true,
	}
	if issuer == nil {
		issuer = template
	}
	return a.finish(template, issuer, a.key.Public())
}

func (a *authority) finish(template, issuer *x509.Certificate, key any) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key, a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// redate signs a leaf anew, its dates counted from the moment of issuance as the CA does; all else stays.
func (a *authority) redate(leaf *x509.Certificate, notBefore time.Time, lifetime time.Duration) (*x509.Certificate, error) {
	var err error
	if a.intermediate == nil {
		if a.intermediate, err = a.sign("relay intermediate", a.root, leaf.AuthorityKeyId); err != nil {
			return nil, err
		}
	}
	template := &x509.Certificate{
		SerialNumber: leaf.SerialNumber, Subject: leaf.Subject, DNSNames: leaf.DNSNames, IPAddresses: leaf.IPAddresses,
		NotBefore: notBefore, NotAfter: notBefore.Add(lifetime), KeyUsage: leaf.KeyUsage, ExtKeyUsage: leaf.ExtKeyUsage,
		BasicConstraintsValid: true, OCSPServer: leaf.OCSPServer, SubjectKeyId: leaf.SubjectKeyId,
	}
	return a.finish(template, a.intermediate, leaf.PublicKey)
}

func (a *authority) chain(leaf *x509.Certificate) []byte {
	return append(encodePEM(leaf), encodePEM(a.intermediate)...)
}

func encodePEM(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}
