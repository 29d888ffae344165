"""What every door shares, the portfolio's too: error answers, serializers, the themed admin base."""
