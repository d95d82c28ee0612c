// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clock is the CA's: the machine's plus an offset, or standing still, or read from a file of Unix seconds (the one that drives the client under test).
type clock struct {
	mu      sync.Mutex
	offset  time.Duration
	stopped *time.Time
	file    string
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != "" {
		if at, err := readClockFile(c.file); err == nil {
			return at
		}
	}
	if c.stopped != nil {
		return *c.stopped
	}
	return time.Now().Add(c.offset).UTC()
}

func readClockFile(path string) (time.Time, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// clockOrder is what the management interface sends: one of now, offset, advance (seconds), real or file, and whether the clock stands still from then on.
type clockOrder struct {
	Now     any      `json:"now"`
	Offset  *float64 `json:"offset"`
	Advance *float64 `json:"advance"`
	Real    bool     `json:"real"`
	File    *string  `json:"file"`
	Stopped *bool    `json:"stopped"`
}

func (c *clock) set(order clockOrder) error {
	at := c.now()
	stopped := c.isStopped()
	file := ""
	switch {
	case order.Real:
		at, stopped = time.Now(), false
	case order.File != nil:
		file = *order.File
	case order.Now != nil:
		var err error
		if at, err = parseMoment(order.Now); err != nil {
			return err
		}
	case order.Offset != nil:
		at = time.Now().Add(seconds(*order.Offset))
	case order.Advance != nil:
		at = at.Add(seconds(*order.Advance))
	}
	if order.Stopped != nil {
		stopped = *order.Stopped
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.file, c.stopped, c.offset = file, nil, time.Until(at)
	if order.Real {
		c.offset = 0
	}
	if stopped {
		at = at.UTC()
		c.stopped = &at
	}
	return nil
}

func (c *clock) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped != nil
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

// parseMoment takes Unix seconds or RFC 3339.
func parseMoment(value any) (time.Time, error) {
	switch v := value.(type) {
	case float64:
		return time.Unix(0, 0).Add(seconds(v)).UTC(), nil
	case string:
		if number, err := strconv.ParseInt(v, 10, 64); err == nil {
			return time.Unix(number, 0).UTC(), nil
		}
		return time.Parse(time.RFC3339, v)
	}
	return time.Time{}, fmt.Errorf("%v is no moment: give Unix seconds or RFC 3339", value)
}
