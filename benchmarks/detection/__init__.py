"""How well faults are found on real daily series, beside peers. See README.md in this folder."""
