"""What the bundled training job holds to: `python benchmarks/pretrain.py [SECTION …]`.

All but `gpu` run on a CPU, on the starter corpus (built where it is not there). How fast tensors come from the loader
is a line of `python benchmarks/tokens.py loader`.
"""

from sections import run_sections

SECTIONS = {
    "demo": "the tiny model on the starter corpus: bits per byte beside the unigram-token model's, seconds",
    "resume": "2N steps = N steps, a kill, N steps: batches, losses, weights at 1, 2 and 4 ranks",
    "kills": "the trainer killed 20 times at random moments while it saves: what `latest` names always loads",
    "gpu": "MFU at about 1 B and at 124 M parameters, and the time in data; needs a CUDA device",
}

if __name__ == "__main__":
    run_sections(__doc__, "pretrain", SECTIONS)
