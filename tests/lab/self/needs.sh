#!/bin/bash
# lab: solo discs=1G
# Says what it needs in words that the runner does not know.
