#!/usr/bin/env bash
# What is said when the embedded engine could not be installed: the rest works.
cat >&2 <<'EOT'
The embedded engine (xllamacpp) could not be installed; everything else works.
  - Linux x86-64 (with AVX2) and aarch64, and macOS have ready wheels; Alpine and older CPUs have none.
  - Mend the network or the platform and run the command again, or sell another source of tokens:
      tokenworks deployment add --help
EOT
