#!/bin/bash
# lab: solo
# The machine ends without a status.
poweroff -f
