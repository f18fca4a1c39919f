"""The control process of one host: posts journals, lends credit, pushes policy, sums what the workers measured."""
