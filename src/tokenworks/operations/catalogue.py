"""Every operation there is, by name. A face offers these and has no powers of its own."""

from __future__ import annotations

from tokenworks.operations.account import ACCOUNT
from tokenworks.operations.audit import AUDIT
from tokenworks.operations.deployment import DEPLOYMENT
from tokenworks.operations.document import DOCUMENT
from tokenworks.operations.gateway import GATEWAY
from tokenworks.operations.key import KEY
from tokenworks.operations.ledger import LEDGER
from tokenworks.operations.model import MODEL
from tokenworks.operations.operation import Operation
from tokenworks.operations.ratecard import RATE_CARD
from tokenworks.operations.request import REQUEST
from tokenworks.operations.sealed import SECRET
from tokenworks.operations.usage import USAGE
from tokenworks.operations.wallet import WALLET

_ALL = (*ACCOUNT, *KEY, *WALLET, *RATE_CARD, *MODEL, *DEPLOYMENT, *REQUEST, *USAGE, *LEDGER, *GATEWAY, *AUDIT,
        *DOCUMENT, *SECRET)
OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}
