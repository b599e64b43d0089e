# The flags of every program, and the compiler of the two static ones.

# OD_COMPILER_FLAGS: warnings, hardening, sanitizers into OD_CFLAGS, OD_LDFLAGS.
AC_DEFUN([OD_COMPILER_FLAGS], [
OD_CFLAGS="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes \
-Wmissing-prototypes -Wpointer-arith -Wvla -Wwrite-strings"
OD_LDFLAGS="-Wl,--as-needed"
AS_IF([test "x$enable_werror" = xyes], [OD_CFLAGS="$OD_CFLAGS -Werror"])
OD_HARDEN_CFLAGS="-fstack-protector-strong -fstack-clash-protection -fPIE"
OD_HARDEN_LDFLAGS="-pie -Wl,-z,relro,-z,now"
AS_IF([test "x$enable_sanitizers" = xyes], [
	OD_HARDEN_CFLAGS="-fPIE -fno-omit-frame-pointer -fsanitize=address,undefined \
-fno-sanitize-recover=all"
	OD_HARDEN_LDFLAGS="-pie -fsanitize=address,undefined"
	AC_DEFINE([OD_SANITIZERS], [1],
	    [Defined when the build has sanitizers, whose run-time makes system
	     calls of its own.])
], [
	OD_HARDEN_CFLAGS="$OD_HARDEN_CFLAGS -D_FORTIFY_SOURCE=2"
])
AS_IF([test "x$enable_fuzzing" = xyes], [
	OD_HARDEN_CFLAGS="$OD_HARDEN_CFLAGS -fsanitize=fuzzer-no-link"
	OD_HARDEN_LDFLAGS="$OD_HARDEN_LDFLAGS -fsanitize=fuzzer-no-link"
])
AC_SUBST([OD_CFLAGS])
AC_SUBST([OD_LDFLAGS])
AC_SUBST([OD_HARDEN_CFLAGS])
AC_SUBST([OD_HARDEN_LDFLAGS])
])

# OD_STATIC_COMPILER: od-keeper, od-exec and od-sweep are static. musl gives
# them the shortest way from exec to main; glibc works as well.
AC_DEFUN([OD_STATIC_COMPILER], [
AC_ARG_VAR([STATIC_CC], [compiler of the static programs (default: musl-gcc, else CC)])
AS_IF([test "x$STATIC_CC" = x], [
	AC_CHECK_PROG([STATIC_CC], [musl-gcc], [musl-gcc], [$CC])
])
STATIC_CFLAGS="-static -O2"
AC_SUBST([STATIC_CFLAGS])
])
