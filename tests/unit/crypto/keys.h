/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CRYPTO_KEYS_H
#define TESTS_CRYPTO_KEYS_H

/* Keys for tests, known to everybody: from RFCs, or made for this file. None has ever protected anything. */

/* RFC 7515 A.3. */
#define KEY_RFC7515 \
	"-----BEGIN EC PRIVATE KEY-----\n" \
	"MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n" \
	"AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n" \
	"focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n" \
	"-----END EC PRIVATE KEY-----\n"

/* The same in PKCS#8. */
#define KEY_RFC7515_PKCS8 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n" \
	"H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n" \
	"7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n" \
	"-----END PRIVATE KEY-----\n"

/* The same under the password "secret". */
#define KEY_ENCRYPTED_PKCS8 \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
	"MIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAjTXJMfh+RDxgIBATAM\n" \
	"BggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQriuC7zWrWlByJAIFKvKIyASBkMsJ\n" \
	"vaDiGtjIply3ByI9s1VpJuqqXcgcOOSzGl+tY0+FqEz1ash9cWv3WIbx4ZfdIPPn\n" \
	"TagGwIQ62hF4mO5Cfx3z2R9GGMeso+gckV82nw+DQ9D302K4bldWR/rlQeLld841\n" \
	"RhS7q9QsAwo1dg6XUkycmaLHREi5/OjeCavbwk2c19IN6O0V2pV189pD8fnhOg==\n" \
	"-----END ENCRYPTED PRIVATE KEY-----\n"

#define KEY_ENCRYPTED_SEC1 \
	"-----BEGIN EC PRIVATE KEY-----\n" \
	"Proc-Type: 4,ENCRYPTED\n" \
	"DEK-Info: AES-128-CBC,BD14132E8D78DBC3F60F80C4C1F23255\n" \
	"\n" \
	"Juf4PL6mM1rcDbwhsJxsEJwNkM60QUHOmluEHnGIn3os7rPQ5TsbGID+DQ0VJi1n\n" \
	"oqiosjceuL3D/Oki3gNWkdCzOXJUycaGdQYDCG+iIeOgDohp8uIoSuPqihjuJDCl\n" \
	"m0/XyAWGR/e+PcsPKkAkGd4ciwJPu4U3SJL0rg3ndfc=\n" \
	"-----END EC PRIVATE KEY-----\n"

/* Its public half. */
#define KEY_PUBLIC \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n" \
	"6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n" \
	"-----END PUBLIC KEY-----\n"

/* RFC 7517 A.2, whose public half is the example of RFC 7638 §3.1. */
#define KEY_RFC7517_RSA \
	"-----BEGIN RSA PRIVATE KEY-----\n" \
	"MIIEowIBAAKCAQEA0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78L\n" \
	"hWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc/BJECPebWKRXjBZCiFV4n3oknj\n" \
	"hMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt7/RN5w6Cf0h4QyQ5v+65YGjQR0/F\n" \
	"DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO\n" \
	"pbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ+G/xBni\n" \
	"Iqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDKgwIDAQABAoIBAF+HE7XiWP4J+BWD\n" \
	"7FwfK3V4seb8LINRSzeRNxGhukSaFR/hyyyg/TO3ceaKOxlEZJ3IZ60cHlJAu4U+\n" \
	"XySzNFmxQCjS1mNr7+wejal0s1L8U9P2En6oo8Kd0U85QWgsVqeHaBZOTdqPBsv5\n" \
	"xzSq6AAyJCeOqUVKIbF8sG0XgHWGjMBbPbb/Hf3D1WN4tO2t7fDDekzcJtHUmsJv\n" \
	"b+O1Igpd0pOWYhu8aIzy7uLG4NVNo8eCAUzQc52yUsxRyuuo0/G4JLqrJNBo7JAy\n" \
	"ZNfWeKsI8G7J5+I9lgYot0S/lLNpRlZGPH5Bc5ntc9B2yJH89GOpqpzmLanNF+I3\n" \
	"3CqAAvECgYEA83i+7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxt\n" \
	"PVnwD20R+60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQy\n" \
	"qVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfsCgYEA3dfO\n" \
	"R9cuYq+0S+mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgT\n" \
	"nCdpYzBcOfW5r370AFXjiWft/NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ+1k\n" \
	"Yd/s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxkCgYAbiw9eRzphr3Lyglb38guP\n" \
	"jG6mm7SXOL8ftVORLzGPlJ1fdygTSiKZjDEiLZ6ZMC57RQ5rl2mAUbIEnhzy1DZU\n" \
	"XjTZdG6AoNM/xqRiEWjm0ADvtB782a25hlzcLebcjbgbYa9HmxIPFTIA3bOrwt+f\n" \
	"0RSazqtjc5vxh6IqROIGPQKBgQCz2UAf1+CAGygVHw5pzZH8TaDDbzatPaQY4CG8\n" \
	"iWURMTV5+sDqG5RS8x8FwymfyWp5bq/POdhjlJJAXukx0L9qAjecbwhunUFRvQlS\n" \
	"KtpE2pR8uFxBv930YXgOHt7vhZtGyhtGie6NNg3XEJo/pM7rWO9atf4vXy3FfDj3\n" \
	"hD9yCQKBgBsjP6eia18kos9baBYCm1lfiXSN40OMqbva2zFsd60CQX5rdBaGM4FC\n" \
	"GRFRRHDqsHpkTfNc6AwGmvgZNCljRg4yR2Q3Q5hYVtwDe5SPqbsZP5h2Ridda8ck\n" \
	"fDueVy0nt0j5kXysGSOslNuGcb0ChWCLXZXVChszuiGus0yoQFUV\n" \
	"-----END RSA PRIVATE KEY-----\n"

/* P-256, the private number is 379: x starts with 00. */
#define KEY_ZERO_X \
	"-----BEGIN EC PRIVATE KEY-----\n" \
	"MHcCAQEEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAF7oAoGCCqGSM49\n" \
	"AwEHoUQDQgAEAFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAq7TIWj2Oop\n" \
	"76r6JEBpEt2E1bFNwyv2Vu9sa9WKXZQ/kg==\n" \
	"-----END EC PRIVATE KEY-----\n"

/* P-256, the private number is 43: y starts with 00. */
#define KEY_ZERO_Y \
	"-----BEGIN EC PRIVATE KEY-----\n" \
	"MHcCAQEEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAroAoGCCqGSM49\n" \
	"AwEHoUQDQgAEmGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0APMzApkYO\n" \
	"CuMopNl9PHth2G/GKJwYnyUlEQxEG7B+lw==\n" \
	"-----END EC PRIVATE KEY-----\n"

/* A kind that ACME accounts cannot have here. */
#define KEY_ED25519 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEIH9b6apKMSOyI227TcUCT5x/nrn5r+WycUVD0IPlR1rr\n" \
	"-----END PRIVATE KEY-----\n"

#endif
