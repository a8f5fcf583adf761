#!/bin/bash
# lab: solo programs=no-such-program
# Names a program that the build does not have.
