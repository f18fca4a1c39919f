"""Credit at the point of use: leases, purses, holds, and the shapes in which the books and the gateways speak of them."""
