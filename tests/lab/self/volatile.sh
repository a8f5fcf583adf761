#!/bin/bash
# lab: solo disks=16M:volatile
# Wants to lose power, and would be gone itself.
