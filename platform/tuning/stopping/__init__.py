"""What ends trials or a sweep early: schedulers, budgets, missing resources, Ctrl-C."""
