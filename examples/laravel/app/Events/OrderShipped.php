<?php

namespace App\Events;

use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;
use Illuminate\Foundation\Events\Dispatchable;

class OrderShipped implements ShouldBroadcast
{
    use Dispatchable;

    public function __construct(
        private readonly int $userId,
        public readonly int $orderId,
    ) {}

    /** To all tabs and devices of one user, and to no other user: routes/channels.php says who may listen. */
    public function broadcastOn(): PrivateChannel
    {
        return new PrivateChannel("orders.{$this->userId}");
    }
}
