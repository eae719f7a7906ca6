"""Training steps and inference of our models beside those of public libraries.

Each contender is a process of its own: our models in this Python, a peer in the Python of its virtual
environment, where a small file of ours, such as `benchmarks/peers/recbole.py`, builds the library's
model and runs it when asked to. This package therefore imports nothing but torch where peers read it.

What is the same for all: the random ids, the vocabularies, full histories, the widths of embeddings,
of the attention's hidden layers and of the last MLP, Adam without weight decay, float32, no dropout,
no regularisation, no clipping of gradients (FuxiCTR's trainer clips, DeepCTR-Torch's and
torch-rechub's settings penalise weights; both would only slow them). Activations are PReLU, or ReLU
in MMoE, where the library lets one choose. A step is `zero_grad`, forward, backward, Adam; batches lie
in memory as the library's model takes them. Our Adam is fused, as in every training here; a peer is
measured with Adam as its trainer makes it, and once more with `fused=True`.

What differs, because the libraries' models do:

- DIN. torch-rechub has an attention for each field instead of one for item and category together,
  batch norm in both of its MLPs, and Dice in the last. RecBole has sigmoids in the attention, Dice
  and batch norm in the last MLP, and its MLP does not read the user. Its attention has the widths of
  its last MLP; it is put together anew here, from RecBole's own layer, with those of the others.
- DIEN. No auxiliary loss anywhere. RecBole and torch-rechub cannot do without; a zero takes the place
  of their function, and what is left of it is that they look up the negatives. torch-rechub has two
  GRUs and two AUGRUs of half the width, one for each field. DeepCTR-Torch and RecBole score by an MLP
  (80-40, and in RecBole 200-80), FuxiCTR, torch-rechub and ours bilinearly.
- SIM. FuxiCTR reads the latest events by multi-head attention, ours by DIN's unit; ours embeds the
  events' ages too. Both search among all events, find 50, and read the latest 50.
- STAMP. Neither peer has the paper's sigmoid over scores; ours has. torch-rechub takes tanh before the
  last layers and normalises the weights of clicks. All take the cross-entropy over all items.
- MMoE. torch-rechub has batch norm after each layer, in the gates too. FuxiCTR's gates have biases.
"""
