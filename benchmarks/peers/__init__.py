"""Training steps and inference of our models beside those of public libraries.

Each contender is a process of its own: our models in this Python, a peer in the Python of its
virtual environment, where a small file of ours, such as `benchmarks/peers/recbole.py`, builds the
library's model and runs it when asked to. What such a file imports must need nothing but torch.

What is the same for all: the random ids, the vocabularies, full histories, the widths of
embeddings, of the attention's hidden layers and of the last MLP, Adam without weight decay,
float32; no dropout, no regularisation, no clipping of gradients (FuxiCTR's trainer clips, the
settings of DeepCTR-Torch and torch-rechub penalise weights; both would slow them). Activations are
PReLU, or ReLU in MMoE, where a library lets one choose. A step is `zero_grad`, forward, backward,
Adam; batches lie in memory as the library's model takes them. Our Adam is fused, as in every
training here; a peer is measured with Adam as its trainer makes it, and with `fused=True`.

What differs, because the libraries' models do:

- DIN. torch-rechub has an attention for each field instead of one for item and category together,
  batch norm in both of its MLPs, and its own Dice in the last. RecBole has sigmoids in the
  attention, Dice and batch norm in the last MLP, and its MLP does not read the user. Its attention
  has the widths of its last MLP; here it is made anew, from RecBole's layer, 80-40 wide.
- DIEN. No auxiliary loss anywhere. RecBole and torch-rechub cannot do without: a zero takes the
  place of their function, and what remains is that they look the negatives up. torch-rechub has two
  GRUs and two AUGRUs of half the width, one for each field. DeepCTR-Torch and RecBole score by an
  MLP (80-40; in RecBole 200-80), FuxiCTR, torch-rechub and we bilinearly. The last MLP of RecBole
  and torch-rechub has batch norm and Dice.
- SIM. FuxiCTR reads the latest events by multi-head attention, we by DIN's unit; we embed the
  events' ages too. Both search among all events, find 50, and read the latest ones: we 50, FuxiCTR
  49, for it counts the target.
- STAMP. Ours is the variant "reference", for neither peer has the paper's sigmoid over scores, and
  both add the mean of the clicks to what attention finds, as it does. All take the cross-entropy
  over all items.
- MMoE. torch-rechub has batch norm after each layer, in the gates too. FuxiCTR's gates have biases.
"""
