"""The datasets that come with recbench, one file each: its card and its reader."""
