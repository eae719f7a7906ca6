"""What simulated data are made of: constants, and of Taobao the world, walk, clock and oracle."""
