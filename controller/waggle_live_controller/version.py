"""The version of this distribution, alone in a file so that a build can read it."""

VERSION = "0.1.0"
