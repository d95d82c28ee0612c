/* SPDX-License-Identifier: MIT */
#ifndef TEST_SUFFIXES_H
#define TEST_SUFFIXES_H

/* A small public suffix list with every kind of rule. */
#define SUFFIX_LIST \
	"// ===BEGIN ICANN DOMAINS===\n" \
	"com\n" \
	"org\n\n" \
	"uk\n" \
	"co.uk\n" \
	"*.ck\n" \
	"!www.ck\n" \
	"jp\n" \
	"*.kawasaki.jp\n" \
	"!city.kawasaki.jp\n" \
	"earth trailing words are no part of it\n" \
	"// xn--55qx5d.cn\n" \
	"cn\n" \
	"\xe5\x85\xac\xe5\x8f\xb8.cn\n" \
	"// ===BEGIN PRIVATE DOMAINS===\n" \
	"github.io\n" \
	"io\r\n" \
	"*.compute.amazonaws.com\n" \
	"both.com\n" \
	"*.both.com\n" \
	"*.dapps.earth\n" \
	"*.bzz.dapps.earth\n" \
	"*.deep.hollow.com\n" \
	"*.hollow.com\n"

#endif
