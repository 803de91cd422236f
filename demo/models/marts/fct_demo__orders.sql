{#- Orders as the shop's warehouse receives them. Planted: while the tablet app drops the purchase event, its orders are not there. -#}
with

orders as (

    select * from {{ ref('stg_demo__orders') }}

),

customers as (

    select * from {{ ref('stg_demo__customers') }}

),

faults as (

    select * from {{ ref('demo_faults') }}

),

received as (

    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_on,
        orders.amount
    from orders
    inner join customers on customers.customer_id = orders.customer_id
    left join faults
        on faults.fault = 'tablet_orders_lost'
        and orders.ordered_on between cast(faults.starts_on as date) and cast(faults.ends_on as date)
        and customers.device = 'tablet'
    where faults.fault is null

)

select * from received
