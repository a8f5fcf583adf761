#!/bin/bash
# lab: solo
# The kernel panics.
echo c > /proc/sysrq-trigger
