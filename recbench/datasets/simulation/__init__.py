"""The generative model behind the simulated Taobao: its constants, world, walk, clock, oracle."""
