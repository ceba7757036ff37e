"""What is said of a batch of documents."""

import corpus  # noqa: F401 - first of all: it says where compiled kernels are kept
