// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"
)

const namesMax = 100

// operation is a line of a trace: the union of what the kinds of operation need.
type operation struct {
	Op        string   `json:"op"`
	T         int64    `json:"t"`
	Account   int64    `json:"account"`
	Names     []string `json:"names"`
	Name      string   `json:"name"`
	Replaces  bool     `json:"replaces"`
	IP        string   `json:"ip"`
	NotBefore int64    `json:"not_before"`
	Issued    int64    `json:"issued"`
	NotAfter  int64    `json:"not_after"`
	limitsJSON
}

type allowedAnswer struct {
	Allowed bool   `json:"allowed"`
	As      string `json:"as,omitempty"`
}

type deniedAnswer struct {
	Allowed bool     `json:"allowed"`
	As      string   `json:"as,omitempty"`
	Limit   string   `json:"limit"`
	Bucket  string   `json:"bucket,omitempty"`
	RetryAt int64    `json:"retry_at,omitempty"`
	Paused  []string `json:"paused_names,omitempty"`
	Message string   `json:"message"`
}

type peekAnswer struct {
	Renewal *bool         `json:"renewal,omitempty"`
	Paused  []string      `json:"paused_names,omitempty"`
	Buckets []bucketState `json:"buckets"`
}

// runTrace plays operations on a ledger, one JSON object a line each way.
func runTrace(source io.Reader, target io.Writer, list *suffixes) error {
	l := newLedger(productionLimits(), list)
	in, out := json.NewDecoder(bufio.NewReaderSize(source, 1<<20)), bufio.NewWriterSize(target, 1<<16)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	last := int64(0)
	for {
		var o operation
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var reply any
		err := fmt.Errorf("the time goes back")
		if o.T >= last {
			last = o.T
			reply, err = l.play(&o)
		}
		if err != nil {
			reply = map[string]string{"error": err.Error()}
		}
		if err := encoder.Encode(reply); err != nil {
			return err
		}
	}
}

func (l *ledger) play(o *operation) (any, error) {
	account, set := strconv.FormatInt(o.Account, 10), normalSet(o.Names)
	if len(set) > namesMax {
		return nil, fmt.Errorf("more than %d names", namesMax)
	}
	var address netip.Addr
	if o.IP != "" {
		var err error
		if address, err = netip.ParseAddr(o.IP); err != nil {
			return nil, err
		}
	}
	switch o.Op {
	case "order":
		return l.order(o.T, account, set, o.Replaces).reply(), nil
	case "refund":
		if o.IP != "" {
			l.refundRegistration(o.T, address)
		} else {
			l.refundOrder(o.T, account)
		}
		return struct{}{}, nil
	case "issued":
		return map[string]string{"as": l.issued(o.T, account, set, o.NotBefore)}, nil
	case "failed":
		return map[string]bool{"paused": l.failed(o.T, account, normalSet([]string{o.Name})[0])}, nil
	case "valid":
		l.valid(account, normalSet([]string{o.Name})[0])
		return struct{}{}, nil
	case "unpause":
		return map[string]int{"unpaused": l.unpause(o.T, account)}, nil
	case "account":
		return (&verdict{denied: l.register(o.T, address)}).reply(), nil
	case "window":
		w := suggestedWindow(time.Unix(0, o.Issued), time.Unix(0, o.NotAfter))
		return map[string]any{"start": w.Start.UnixNano(), "end": w.End.UnixNano(), "open": w.isOpen(time.Unix(0, o.T))}, nil
	case "limits":
		before := l.limits
		if o.Defaults != nil { // a whole file: what it does not name does not exist
			before = &limits{}
		}
		other, err := before.changed(&o.limitsJSON)
		if err == nil {
			l.limits = other
		}
		return struct{}{}, err
	case "peek":
		if o.IP != "" {
			return peekAnswer{Buckets: l.show(o.T, l.registrationCharges(address))}, nil
		}
		renewal := l.isRenewal(o.T, set)
		return peekAnswer{&renewal, l.pausedNames(account, set), l.peek(o.T, account, set)}, nil
	}
	return nil, fmt.Errorf("operation %q is unknown", o.Op)
}

func (v verdict) reply() any {
	switch {
	case v.paused != nil:
		return deniedAnswer{Limit: "Paused", Paused: v.paused, Message: pausedMessage(v.paused)}
	case v.denied != nil:
		d := v.denied
		return deniedAnswer{As: v.as, Limit: d.limit.String(), Bucket: d.key, RetryAt: d.retryAt, Message: d.message(time.Unix(0, d.retryAt))}
	}
	return allowedAnswer{true, v.as}
}
