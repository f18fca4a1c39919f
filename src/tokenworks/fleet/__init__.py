"""What can produce tokens: models as they are sold, and the deployments behind them."""
