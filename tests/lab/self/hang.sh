#!/bin/bash
# lab: solo timeout=8
# Never ends.
echo "waiting"
sleep 3600
