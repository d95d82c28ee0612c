HARDENING := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks
GCC_WARNINGS := -Warith-conversion -Wjump-misses-init -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wstringop-overflow=4 -Walloc-zero -Wtrampolines -Wformat-overflow=2 -Wformat-truncation=2 -Wcast-align=strict -Wdate-time
