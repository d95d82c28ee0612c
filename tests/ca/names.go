// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"sort"
	"strings"
)

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// normalSet is lower-case and unique, DNS names before addresses, each sorted by bytes.
func normalSet(names []string) []string {
	seen := map[string]bool{}
	var set []string
	for _, name := range names {
		name = strings.ToLower(name)
		if !seen[name] {
			seen[name] = true
			set = append(set, name)
		}
	}
	sort.Slice(set, func(i, j int) bool {
		a, b := isAddress(set[i]), isAddress(set[j])
		return a != b && b || a == b && set[i] < set[j]
	})
	return set
}

func setHash(set []string) string {
	sum := sha256.Sum256([]byte(strings.Join(set, ",")))
	return hex.EncodeToString(sum[:])
}

// addressBlock is what certificates for an address are counted by.
func addressBlock(address netip.Addr) string {
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, _ := address.Prefix(bits)
	return prefix.String()
}

// suffixes is a public suffix list. An empty one knows only that each top-level domain is a suffix.
type suffixes struct {
	plain, wild, exception map[string]bool
	known                  map[string]string
}

var suffixFiles = []string{"/usr/share/publicsuffix/public_suffix_list.dat", "/usr/share/publicsuffix/effective_tld_names.dat"}

func readSuffixes(path string) (*suffixes, error) {
	paths := suffixFiles
	if path != "" {
		paths = []string{path}
	}
	var err error
	for _, path := range paths {
		var file *os.File
		if file, err = os.Open(path); err == nil {
			defer file.Close()
			return parseSuffixes(file), nil
		}
	}
	return parseSuffixes(strings.NewReader("")), err
}

func parseSuffixes(source io.Reader) *suffixes {
	s := &suffixes{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]string{}}
	lines := bufio.NewScanner(source)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "//") {
			continue
		}
		switch text := toASCII(words[0]); {
		case strings.HasPrefix(text, "*."):
			s.wild[text[2:]] = true
		case strings.HasPrefix(text, "!"):
			s.exception[text[1:]] = true
		default:
			s.plain[text] = true
		}
	}
	return s
}

// cover is what certificates for a name are counted by: its registered domain, itself if it is a suffix, or an address block.
func (s *suffixes) cover(name string) string {
	if address, err := netip.ParseAddr(name); err == nil {
		return addressBlock(address)
	}
	if found, ok := s.known[name]; ok {
		return found
	}
	if len(s.known) > 100000 {
		s.known = map[string]string{}
	}
	s.known[name] = s.registered(name)
	return s.known[name]
}

func (s *suffixes) registered(name string) string {
	before := ""
	for rest := name; ; {
		label, parent, more := strings.Cut(rest, ".")
		if s.exception[rest] {
			return rest
		}
		if s.plain[rest] || more && s.wild[parent] || !more {
			if before == "" {
				return name
			}
			return before + "." + rest
		}
		before, rest = label, parent
	}
}

// covers of a set: unique, in plain byte order.
func (s *suffixes) covers(set []string) []string {
	seen := map[string]bool{}
	var covers []string
	for _, name := range set {
		if cover := s.cover(name); !seen[cover] {
			seen[cover] = true
			covers = append(covers, cover)
		}
	}
	sort.Strings(covers)
	return covers
}

// toASCII turns the labels of a suffix that are not ASCII into punycode (RFC 3492).
func toASCII(name string) string {
	labels := strings.Split(strings.ToLower(name), ".")
	for i, label := range labels {
		for _, r := range label {
			if r >= 0x80 {
				labels[i] = "xn--" + punycode([]rune(label))
				break
			}
		}
	}
	return strings.Join(labels, ".")
}

func punycode(label []rune) string {
	var out []byte
	for _, r := range label {
		if r < 0x80 {
			out = append(out, byte(r))
		}
	}
	done := len(out)
	basic := done
	if basic > 0 {
		out = append(out, '-')
	}
	delta, bias, next := 0, 72, rune(0x80)
	for done < len(label) {
		least := rune(0x7fffffff)
		for _, r := range label {
			if r >= next && r < least {
				least = r
			}
		}
		delta += int(least-next) * (done + 1)
		next = least
		for _, r := range label {
			if r < next {
				delta++
			}
			if r == next {
				out = append(out, punycodeNumber(delta, bias)...)
				bias = punycodeBias(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
		next++
	}
	return string(out)
}

func punycodeNumber(number, bias int) (digits []byte) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := 36; ; k += 36 {
		threshold := k - bias
		if threshold < 1 {
			threshold = 1
		} else if threshold > 26 {
			threshold = 26
		}
		if number < threshold {
			return append(digits, alphabet[number])
		}
		digits = append(digits, alphabet[threshold+(number-threshold)%(36-threshold)])
		number = (number - threshold) / (36 - threshold)
	}
}

func punycodeBias(delta, points int, first bool) int {
	if first {
		delta /= 700
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > 455; k += 36 {
		delta /= 35
	}
	return k + 36*delta/(delta+38)
}
