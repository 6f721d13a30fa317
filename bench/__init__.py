"""What live metrics cost, measured beside what one would pick instead. `make bench` runs it.

Every figure that is compared comes from one run on one machine: rounds of all subjects are
interleaved and turned round, or run at the same time. Calls are ratios to a floor measured in the
same process and moment. bench/results/README.md says what came out.
"""
