"""Credit at the point of use: leases, purses, holds, and the shapes in which books and gateways speak of them."""
